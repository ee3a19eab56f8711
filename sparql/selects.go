package sparql

// subSelect reads SubSelect, whose variables in scope are those that it selects.
func (p *parser) subSelect() Pattern {
	outer, aggr := p.scope, p.aggr
	p.aggr = aggregation{why: onlyThere}
	q := &Query{}
	p.selectQuery(q, false)
	inside := p.scope
	p.scope = nil
	p.values(q)
	p.scope, p.aggr = outer, aggr
	if p.err == nil {
		p.selected(q, inside)
	}
	return &SubSelect{q}
}

// selected puts the variables that a SELECT has into the scope of its group.
func (p *parser) selected(q *Query, inside *scope) {
	for _, column := range q.Project {
		p.scope.add(column.Var)
	}
	if q.Values != nil {
		for _, v := range q.Values.Vars {
			inside.add(v)
		}
	}
	if q.Star {
		p.scope.merge(inside)
	}
}

// column is what has to be known of a column of SELECT to check it: where its variable stands, and what its expression uses.
type column struct {
	at   int
	uses []varUse
}

// selectQuery reads SelectQuery, or SubSelect without VALUES.
func (p *parser) selectQuery(q *Query, dataset bool) {
	start := p.tok.start
	p.next()
	switch {
	case p.take("DISTINCT"):
		q.Distinct = true
	case p.take("REDUCED"):
		q.Reduced = true
	}
	p.scope, p.aggr.why = nil, ""
	columns := p.columns(q)
	p.aggr.why = onlyThere
	if dataset {
		p.dataset(&q.Dataset)
	}
	grouped := p.aggr.seen
	p.aggr.seen = false
	p.where(q)
	p.modifiers(q)
	if grouped = grouped || p.aggr.seen || len(q.GroupBy) > 0; p.err == nil {
		p.checkColumns(q, columns, grouped, start)
	}
}

// columns reads what SELECT names.
func (p *parser) columns(q *Query) []column {
	if q.Star = p.takeSign('*'); q.Star {
		return nil
	}
	var all []column
	for p.tok.kind == variable || p.tok.kind == '(' {
		p.part()
		c := column{at: p.tok.start}
		var item Projection
		if p.tok.kind == variable {
			item.Var = p.takeVar("")
		} else {
			item = p.asColumn(&c)
		}
		q.Project = append(q.Project, item)
		all = append(all, c)
	}
	if len(all) == 0 {
		p.expected(`a variable, an expression in brackets, or "*" behind SELECT`, "DISTINCT", "REDUCED")
	}
	return all
}

// asColumn reads (Expression AS Var).
func (p *parser) asColumn(c *column) Projection {
	at := p.tok.start
	p.next()
	p.uses = &c.uses
	item := Projection{Expr: p.expression()}
	p.uses = nil
	p.needWord("AS", "AS and a variable behind the expression")
	c.at = p.tok.start
	item.Var = p.takeVar("a variable behind AS")
	p.closing(')', `")"`, at)
	return item
}

// checkColumns checks the variables of SELECT, whose keyword is at start (18.2.1 and 18.2.4.4, notes 12 and 15 of the grammar).
func (p *parser) checkColumns(q *Query, columns []column, grouped bool, start int) {
	if q.Star && grouped {
		p.failAt(start, nil, "expected the variables that SELECT gives by name, found \"*\", which can't be where there are groups")
		return
	}
	known := p.scope
	if grouped {
		known = &scope{}
		for _, key := range q.GroupBy {
			if key.Var != "" {
				known.add(key.Var)
			}
		}
	}
	var made, named scope
	for i, c := range columns {
		v := q.Project[i].Var
		switch {
		case q.Project[i].Expr == nil && grouped && !known.has(v) && !made.has(v):
			p.ungrouped(varUse{v, c.at})
		case q.Project[i].Expr == nil:
		case known.has(v) || named.has(v):
			p.failAt(c.at, nil, "expected a new variable behind AS, found ?%s, which is in use already", v)
		case grouped:
			for _, use := range c.uses {
				if !known.has(use.name) && !made.has(use.name) {
					p.ungrouped(use)
				}
			}
		}
		if named.add(v); q.Project[i].Expr != nil {
			made.add(v)
		}
	}
}

// ungrouped sets the error for a variable that a group has no single value of.
func (p *parser) ungrouped(use varUse) {
	p.failAt(use.at, nil, "expected a variable of GROUP BY, or an aggregate such as SAMPLE(?%s), found ?%s", use.name, use.name)
}
