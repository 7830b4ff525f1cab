"""Lambda itself on one machine: functions invoked in processes of their own, or in this one."""
