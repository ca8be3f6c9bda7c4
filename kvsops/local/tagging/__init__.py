"""The Resource Groups Tagging API of moto, taught what a sweep's bulk look needs."""
