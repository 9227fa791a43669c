package steward

// CanaryAlarm says why the end of a canary is not the right one.
var CanaryAlarm = canaryAlarm
