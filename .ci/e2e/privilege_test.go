package e2e

import (
	"strings"
	"testing"
)

// grantsLeastPrivilege asks the policy simulator about the deployed role, one
// resource at a time, since the emulator looks at the first one only.
func (c *cloud) grantsLeastPrivilege(t *testing.T) {
	role := c.outputs(t)["RoleName"]
	const secrets = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
	for _, question := range []struct{ decision, action, resource string }{
		{"allowed", "secretsmanager:GetSecretValue", secrets + "keyrelay/orders-AbCdEf"},
		{"allowed", "secretsmanager:GetSecretValue", secrets + "keyrelay/deep/er-AbCdEf"},
		{"implicitDeny", "secretsmanager:GetSecretValue", secrets + "other/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:GetSecretValue", secrets + "keyrelay-AbCdEf"},
		{"implicitDeny", "secretsmanager:GetSecretValue", secrets + "xkeyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:GetSecretValue", strings.Replace(secrets, "us-east-1", "eu-west-1", 1) + "keyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:GetSecretValue", strings.Replace(secrets, "000000000000", "123456789012", 1) + "keyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:PutSecretValue", secrets + "keyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:DescribeSecret", secrets + "keyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:DeleteSecret", secrets + "keyrelay/orders-AbCdEf"},
		{"implicitDeny", "secretsmanager:ListSecrets", "*"},
		{"implicitDeny", "kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
		{"implicitDeny", "s3:GetObject", "arn:aws:s3:::bucket/key"},
		{"implicitDeny", "sts:AssumeRole", "arn:aws:iam::000000000000:role/other"},
		{"implicitDeny", "iam:PassRole", "arn:aws:iam::000000000000:role/other"},
		{"implicitDeny", "lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:other"},
		{"implicitDeny", "ec2:CreateNetworkInterface", "*"},
		{"implicitDeny", "xray:PutTraceSegments", "*"},
		{"implicitDeny", "sqs:SendMessage", "*"},
		{"implicitDeny", "dynamodb:GetItem", "*"},
		{"implicitDeny", "dynamodb:UpdateItem", "*"},
	} {
		if decision := c.simulate(t, role, question.action, question.resource); decision != question.decision {
			t.Errorf("%s on %s: %s, want %s", question.action, question.resource, decision, question.decision)
		}
	}
}

func (c *cloud) simulate(t *testing.T, role, action, resource string) string {
	t.Helper()
	var answer struct {
		EvaluationResults []struct{ EvalDecision string }
	}
	c.aws(t, &answer, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::000000000000:role/"+role,
		"--action-names", action, "--resource-arns", resource)
	if len(answer.EvaluationResults) != 1 {
		t.Fatalf("the simulator gave %d answers", len(answer.EvaluationResults))
	}
	return answer.EvaluationResults[0].EvalDecision
}
