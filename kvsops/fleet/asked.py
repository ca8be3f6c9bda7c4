"""Which accounts and regions are meant, as somebody asked for them."""

from dataclasses import dataclass

from kvsops.aws.scope import QUOTA_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for; with nothing given it is the one account and region of the profile.

    With `role_arns` it is those roles' accounts, with `organization_role` those of the
    organization, which `accounts`, `exclude_accounts` and `ous` narrow. `session` is the name that
    CloudTrail shows the roles' calls under.
    """

    profile: str | None = None
    endpoint_url: str | None = None
    quota_share: float = QUOTA_SHARE
    regions: tuple[str, ...] = ()
    all_regions: bool = False
    exclude_regions: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()
    organization_role: str | None = None
    accounts: tuple[str, ...] = ()
    exclude_accounts: tuple[str, ...] = ()
    ous: tuple[str, ...] = ()
    external_id: str | None = None
    session: str = "kvsops"

    @property
    def many(self) -> bool:
        """Whether there may be more than one place."""
        several = len(self.regions) > 1 or len(self.role_arns) > 1
        return several or self.all_regions or self.organization_role is not None

    @property
    def objection(self) -> str | None:
        """Say what contradicts itself, if anything."""
        narrowed = self.accounts or self.exclude_accounts or self.ous
        both = set(self.accounts) & set(self.exclude_accounts)
        rules = (
            (self.all_regions and self.regions, "--all-regions or --region, not both"),
            (
                self.exclude_regions and not self.all_regions,
                "--exclude-region leaves some out of --all-regions: give both",
            ),
            (
                self.role_arns and self.organization_role,
                "--role-arn or --organization-role, not both",
            ),
            (
                narrowed and not self.organization_role,
                "--account, --exclude-account and --ou choose of an organization's accounts: "
                "add --organization-role NAME",
            ),
            (both, f"account {min(both, default='')} is both asked for and excluded"),
            (
                self.external_id and not (self.role_arns or self.organization_role),
                "--external-id is for roles: add --role-arn or --organization-role",
            ),
        )
        return next((said for wrong, said in rules if wrong), None)
