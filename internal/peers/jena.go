package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// jenaVersion is the version of Apache Jena, the last one that runs on Java 17.
const jenaVersion = "5.4.0"

// project lists what Maven shall fetch.
const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>quadrille</groupId><artifactId>peers</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.jena</groupId><artifactId>jena-cmds</artifactId><version>` + jenaVersion + `</version></dependency>
  </dependencies>
</project>
`

// findJena returns the command that runs a class of Jena, with the libraries that Maven has fetched before or fetches
// now.
func findJena() ([]string, error) {
	java := installed("java")
	if java == nil {
		return nil, errors.New("rdfpatch of Jena: java is not installed")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("rdfpatch of Jena: %w", err)
	}
	dir := filepath.Join(cache, "quadrille-peers", "jena-"+jenaVersion)
	lib := filepath.Join(dir, "lib")
	if _, err := os.Stat(filepath.Join(lib, "jena-cmds-"+jenaVersion+".jar")); err != nil {
		if err := fetch(dir, lib); err != nil {
			return nil, fmt.Errorf("rdfpatch of Jena: %w", err)
		}
	}
	return append(java, "-cp", filepath.Join(lib, "*")), nil
}

func fetch(dir, lib string) error {
	maven := installed("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+lib)
	if maven == nil {
		return errors.New("mvn is not installed")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(project), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(maven[0], maven[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", maven, err, out)
	}
	return nil
}
