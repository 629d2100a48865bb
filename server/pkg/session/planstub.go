package session

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

func makePlan(env *planner.Env, q *query.Query) (*planner.Plan, error) {
	return nil, pgerr.FeatureNotSupported("planning")
}
