package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// formerFlags are flags under which commands have had what is called otherwise now, and what to say of them.
var formerFlags = map[string]map[string]string{
	"--from":      {"check convert diff apply invert merge": "the format of what is read is --type"},
	"--to":        {"convert diff apply invert merge": "the format of the result is --as"},
	"--data":      {"apply": "the data that patches are applied to are --onto"},
	"--data-from": {"apply": "the format of the data is --onto-type"},
	"--skolemise": {"tail": "it is --blank skolemise"},
}

// renamed says what a flag is called now, if that is what the parser's error is about.
func renamed(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context.Selected() == nil {
		return err
	}
	flag, found := strings.CutPrefix(err.Error(), "unknown flag ")
	if !found {
		return err
	}
	flag, _, _ = strings.Cut(flag, ",")
	command := parse.Context.Selected().Name
	for commands, now := range formerFlags[flag] {
		if strings.Contains(" "+commands+" ", " "+command+" ") {
			return fmt.Errorf("%s has no %s: %s", command, flag, now)
		}
	}
	return err
}
