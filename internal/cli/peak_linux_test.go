package cli_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// peakMemory returns the most memory that this process has had, resident, in kB.
func peakMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	peak := regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`).FindSubmatch(text)
	if peak == nil {
		return 0, fmt.Errorf("no VmHWM in\n%s", text)
	}
	return strconv.ParseInt(string(peak[1]), 10, 64)
}
