package sparql

// scope is a set of variables. Its zero value is empty.
type scope struct {
	few  []Var
	many map[Var]struct{}
}

// fewVars is how many are looked at one by one.
const fewVars = 16

func (s *scope) has(v Var) bool {
	if s.many != nil {
		_, ok := s.many[v]
		return ok
	}
	for _, other := range s.few {
		if other == v {
			return true
		}
	}
	return false
}

func (s *scope) add(v Var) {
	if s.has(v) {
		return
	}
	if s.many == nil && len(s.few) < fewVars {
		s.few = append(s.few, v)
		return
	}
	if s.many == nil {
		s.many = make(map[Var]struct{}, 2*fewVars)
		for _, other := range s.few {
			s.many[other] = struct{}{}
		}
		s.few = nil
	}
	s.many[v] = struct{}{}
}

func (s *scope) size() int { return len(s.few) + len(s.many) }

// merge adds the variables of another scope, which is given up. The smaller one goes into the larger, so that groups that are
// nested deeply cost no more than their variables.
func (s *scope) merge(other *scope) {
	if other.size() > s.size() {
		*s, *other = *other, *s
	}
	for _, v := range other.few {
		s.add(v)
	}
	for v := range other.many {
		s.add(v)
	}
}
