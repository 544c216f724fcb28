package main

import "keyrelay/function/destination"

// check reads the documents of a folder as a Lambda function in AWS would, so
// that a build can stop at a faulty one. Environment variables and files that
// documents name are not looked for: they belong to the machine that will serve.
func check(folder string) error {
	_, err := destination.Load(folder, destination.Config{RealLambda: true})
	return err
}
