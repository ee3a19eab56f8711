// Parts of which a page has hundreds, and of which few change at a time.
import { Component } from 'preact'

// pure makes a component of a function of its properties, which is called when one of them is another than before.
export function pure(render) {
	return class extends Component {
		shouldComponentUpdate(next) {
			return Object.keys({ ...next, ...this.props }).some((name) => next[name] !== this.props[name])
		}
		render(props) {
			return render(props)
		}
	}
}
