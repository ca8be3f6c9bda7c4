"""Resources of a stack that moto's CloudFormation lacks, or makes where they do not run."""

from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.scheduler import models as scheduler
from moto.stepfunctions import models as stepfunctions
from moto.stepfunctions.responses import get_backend


class StateMachine(stepfunctions.StateMachine, CloudFormationModel):
    """A state machine of the backend that carries it out, where `mock_aws` is told to."""

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> stepfunctions.StateMachine:
        """Make it as CreateStateMachine would.

        The interpreter knows no express executions of a map: they are carried out as standard ones.
        """
        properties = cloudformation_json["Properties"]
        definition = properties["DefinitionString"].replace('"EXPRESS"', '"STANDARD"')
        name = properties.get("StateMachineName", resource_name)
        backend = get_backend(account_id, region_name)
        return backend.create_state_machine(name, definition, properties["RoleArn"])


class Schedule(scheduler.Schedule, CloudFormationModel):
    """A schedule of EventBridge Scheduler. moto keeps schedules, and starts nothing by them."""

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return the property that names it."""
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        """Return its type."""
        return "AWS::Scheduler::Schedule"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether Fn::GetAtt may ask for it."""
        return attr == "Arn"

    @property
    def physical_resource_id(self) -> str:
        """What Ref returns: its name."""
        return str(self.name)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> scheduler.Schedule:
        """Make it as CreateSchedule would."""
        properties = cloudformation_json["Properties"]
        group = scheduler.scheduler_backends[account_id][region_name].schedule_groups[
            properties.get("GroupName", "default")
        ]
        schedule = cls(
            region=region_name,
            account_id=account_id,
            group_name=group.name,
            name=resource_name,
            description=properties.get("Description"),
            schedule_expression=properties["ScheduleExpression"],
            schedule_expression_timezone=properties.get("ScheduleExpressionTimezone"),
            flexible_time_window=properties["FlexibleTimeWindow"],
            target=properties["Target"],
            state=properties.get("State"),
            kms_key_arn=properties.get("KmsKeyArn"),
            start_date=properties.get("StartDate"),
            end_date=properties.get("EndDate"),
            action_after_completion=None,
        )
        group.add_schedule(schedule)
        return schedule
