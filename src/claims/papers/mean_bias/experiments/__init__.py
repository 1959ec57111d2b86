"""What is measured: functions of a point and random streams, which know nothing of claims or closed forms."""
