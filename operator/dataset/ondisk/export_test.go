package ondisk

// RemoveWith has fn remove the folder whose place another one takes.
func (d *Logic) RemoveWith(fn func(path string) error) { d.remove = fn }
