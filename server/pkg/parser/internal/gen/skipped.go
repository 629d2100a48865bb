package main

import "strings"

// skippedMessages are the nodes that no PostgreSQL 15 raw parse tree holds:
// products of analysis and planning, and syntax younger than 15. The decoder
// refuses a tree that holds one of the latter.
var skippedMessages = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`
		Node ParseResult ScanResult ScanToken SummaryResult

		Var Param Aggref WindowFunc WindowFuncRunCondition SubscriptingRef FuncExpr OpExpr
		DistinctExpr NullIfExpr ScalarArrayOpExpr SubPlan AlternativeSubPlan FieldSelect
		FieldStore RelabelType CoerceViaIO ArrayCoerceExpr ConvertRowtypeExpr CollateExpr
		CaseTestExpr ArrayExpr RowCompareExpr CoerceToDomain CoerceToDomainValue NextValueExpr
		InferenceElem TargetEntry RangeTblRef FromExpr OnConflictExpr Query RangeTblEntry
		RTEPermissionInfo RangeTblFunction TableSampleClause WithCheckOption SortGroupClause
		WindowClause RowMarkClause TableFunc SetOperationStmt CallContext InlineCodeBlock
		MergeAction

		MergeSupportFunc SinglePartitionSpec
		JsonFormat JsonReturning JsonValueExpr JsonConstructorExpr JsonIsPredicate JsonBehavior
		JsonExpr JsonTablePath JsonTablePathScan JsonTableSiblingJoin JsonOutput JsonArgument
		JsonFuncExpr JsonTablePathSpec JsonTable JsonTableColumn JsonKeyValue JsonParseExpr
		JsonScalarExpr JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor
		JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg JsonArrayAgg`) {
		m[name] = true
	}
	return m
}()
