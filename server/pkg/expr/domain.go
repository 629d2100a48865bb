package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// domainNode checks a value against its domain's constraints.
type domainNode struct {
	arg     node
	cell    *data.Datum
	name    string
	notNull bool
	checks  []node
	names   []string
}

func (k *Compiler) domain(e *query.CoerceToDomain) (node, error) {
	arg, err := k.node(e.Arg)
	if err != nil || k.Domain == nil {
		return arg, err
	}
	d, err := k.Domain(e.Resulttype)
	if err != nil || (!d.NotNull && len(d.Checks) == 0) {
		return arg, err
	}
	n := &domainNode{arg: arg, cell: new(data.Datum), name: d.Name, notNull: d.NotNull}
	k.domains = append(k.domains, n.cell)
	defer func() { k.domains = k.domains[:len(k.domains)-1] }()
	for _, check := range d.Checks {
		c, err := k.node(check.Expr)
		if err != nil {
			return nil, err
		}
		n.checks = append(n.checks, c)
		n.names = append(n.names, check.Name)
	}
	return n, nil
}

func (n *domainNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	if d.IsNull() && n.notNull {
		return data.Null, pgerr.Newf(pgerr.NotNullViolation, "domain %s does not allow null values", n.name)
	}
	*n.cell = d
	for i, check := range n.checks {
		ok, err := check.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		if !ok.IsNull() && !ok.Bool() {
			e := pgerr.Newf(pgerr.CheckViolation, "value for domain %s violates check constraint \"%s\"", n.name, n.names[i])
			return data.Null, e.WithConstraint(n.names[i])
		}
	}
	return d, nil
}
