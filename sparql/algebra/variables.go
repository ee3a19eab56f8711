package algebra

import "github.com/quadrille-stream/quadrille/sparql"

// variables are variables with their slots. The zero value has none.
type variables struct {
	few  []variable
	many map[sparql.Var]Slot
}

// variable is one with its slot.
type variable struct {
	name sparql.Var
	slot Slot
}

// fewVariables is how many are looked at one by one.
const fewVariables = 8

func (v *variables) slot(name sparql.Var) (Slot, bool) {
	if v.many != nil {
		slot, ok := v.many[name]
		return slot, ok
	}
	for i := range v.few {
		if v.few[i].name == name {
			return v.few[i].slot, true
		}
	}
	return 0, false
}

// add adds a variable that is not there.
func (v *variables) add(name sparql.Var, slot Slot) {
	if v.many == nil && len(v.few) < fewVariables {
		v.few = append(v.few, variable{name, slot})
		return
	}
	if v.many == nil {
		v.many = make(map[sparql.Var]Slot, 2*fewVariables)
		for _, of := range v.few {
			v.many[of.name] = of.slot
		}
		v.few = nil
	}
	v.many[name] = slot
}
