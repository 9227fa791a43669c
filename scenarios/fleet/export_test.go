package fleet

// RunRange runs the range of a lease that another worker may have run.
var RunRange = (*Worker).runRange
