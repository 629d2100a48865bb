package types

// Families that other files refer to before their own init has run.
var (
	arrayFamily  = &family{}
	recordFamily = &family{}
)
