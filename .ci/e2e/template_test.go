package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A processed template is what CloudFormation is left with after SAM, with its
// parameters put in.
type processed struct {
	Resources map[string]struct {
		Type         string
		Properties   map[string]any
		UpdatePolicy any
	}
}

// process has SAM's translator process the template with parameters, and cfn-lint hold
// what comes of it against the schemas of CloudFormation's resources.
func process(t *testing.T, parameters ...string) processed {
	t.Helper()
	text := output(t, command(t, []string{"AWS_DEFAULT_REGION=us-east-1"}, "python", append([]string{".ci/e2e/testdata/process.py", "template.yaml"}, parameters...)...))
	file := filepath.Join(t.TempDir(), "processed.template.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// An alias that would be replaced stays, W3011: SAM hands on what the template says of the version.
	output(t, command(t, nil, "cfn-lint", "--ignore-checks", "W3011", "--", file))
	var made processed
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// TestTemplate processes the template with parameters that no emulated AWS lives by: it
// keeps no policy and no endpoint of a gateway, and knows neither CodeDeploy nor the
// web ACL of a gateway nor saved queries.
func TestTemplate(t *testing.T) {
	t.Run("a private gateway", func(t *testing.T) {
		made := process(t, "VpcEndpointIds=vpce-1,vpce-2", "AllowedAddresses=10.1.0.0/16,10.2.0.0/16")
		made.expect(t, "Api", "EndpointConfiguration", `{"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-1", "vpce-2"]}`)
		made.expectBody(t, "x-amazon-apigateway-policy", `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
			{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
				"Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}},
			{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
				"Condition": {"NotIpAddress": {"aws:VpcSourceIp": ["10.1.0.0/16", "10.2.0.0/16"]}}}]}`)
	})
	t.Run("addresses, a web ACL and a name of its own", func(t *testing.T) {
		const acl = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/guard/1234abcd"
		made := process(t, "AllowedAddresses=198.51.100.0/24", "WebAclArn="+acl, "DomainName=relay.example.com",
			"CertificateArn=arn:aws:acm:us-east-1:111122223333:certificate/1234abcd", "BasePath=v1", "DefaultEndpoint=off")
		made.expect(t, "Api", "EndpointConfiguration", `{"Types": ["REGIONAL"]}`)
		made.expectBody(t, "x-amazon-apigateway-endpoint-configuration", `{"disableExecuteApiEndpoint": true}`)
		made.expectBody(t, "x-amazon-apigateway-policy", `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
			{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
				"Condition": {"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24"]}}}]}`)
		made.expect(t, "WebAcl", "WebACLArn", `"`+acl+`"`)
		made.expect(t, "WebAcl", "ResourceArn", `{"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${Api}/stages/${ApirelayStage}"}`)
		made.expect(t, "DomainPath", "BasePath", `"v1"`)
		made.expect(t, "DomainPath", "Stage", `{"Ref": "ApirelayStage"}`)
	})
	t.Run("gradual deployment", func(t *testing.T) {
		made := process(t, "Deployment=Canary10Percent5Minutes")
		difference := cmp.Diff(decoded(t, `{"CodeDeployLambdaAliasUpdate": {"ApplicationName": {"Ref": "ServerlessDeploymentApplication"},
			"DeploymentGroupName": {"Ref": "RelayDeploymentGroup"}}}`), made.Resources["RelayAliaslive"].UpdatePolicy)
		if difference != "" {
			t.Errorf("the alias moves so (-want +got):\n%s", difference)
		}
		made.expect(t, "RelayDeploymentGroup", "DeploymentConfigName", `{"Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": "Canary10Percent5Minutes"}]}`)
		made.expect(t, "RelayDeploymentGroup", "AlarmConfiguration", `{"Enabled": true, "Alarms": [
			{"Name": {"Ref": "ErrorsAlarm"}}, {"Name": {"Ref": "SecretAlarm"}}, {"Name": {"Ref": "GatewayFaultsAlarm"}}]}`)
		made.expect(t, "RelayDeploymentGroup", "AutoRollbackConfiguration", `{"Enabled": true, "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]}`)
	})
	t.Run("gradual deployment of a function URL", func(t *testing.T) {
		made := process(t, "Entry=function-url", "Deployment=Linear10PercentEvery1Minute")
		made.expect(t, "RelayDeploymentGroup", "AlarmConfiguration", `{"Enabled": true, "Alarms": [{"Name": {"Ref": "ErrorsAlarm"}}, {"Name": {"Ref": "SecretAlarm"}}]}`)
	})
	t.Run("every other parameter", func(t *testing.T) {
		const key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
		made := process(t, "Caller1=osmos", "Caller2=crm", "Caller8=erp", "NamelessKey=off", "DailyQuota=1000", "Memory=512", "ReservedConcurrency=5", "Tracing=on",
			"Environment={}", "SecretPrefix=staging/", "SecretKeyArn="+key, "RefreshTokenSecrets=crm", "Networks=private", "SubnetIds=subnet-0123456789abcdef0",
			"SecurityGroupIds=sg-0123456789abcdef0", "AlarmTopicArn=arn:aws:sns:us-east-1:111122223333:alarms", "LogKeyArn="+key, "GatewayLogRole=existing",
			"Later=true", "QueueKeyArn="+key, "SharedTokens=true")
		if description := versionDescription(made); !strings.HasPrefix(description, "1 x86_64 512 30 on private staging/ 300s 24h ") {
			t.Errorf("the version is described as %q", description)
		}
		for _, queue := range []string{"Queue", "DeadQueue"} {
			made.expect(t, queue, "KmsMasterKeyId", `"`+key+`"`)
			made.expect(t, queue, "SqsManagedSseEnabled", "null")
		}
	})
	t.Run("records that are delivered later", func(t *testing.T) {
		made := process(t, "Later=true", "LaterConcurrency=7")
		for _, queue := range []string{"Queue", "DeadQueue"} {
			made.expect(t, queue, "SqsManagedSseEnabled", "true")
			made.expect(t, queue, "KmsMasterKeyId", "null")
		}
		made.expect(t, "QueuePolicy", "Queues", `[{"Ref": "Queue"}, {"Ref": "DeadQueue"}]`)
		made.expect(t, "QueueEvents", "FunctionName", `{"Ref": "RelayAliaslive"}`)
		made.expect(t, "QueueEvents", "ScalingConfig", `{"MaximumConcurrency": "7"}`)
		variables, _ := made.Resources["Relay"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if variables["KEYRELAY_QUEUE_CONCURRENCY"] != "7" {
			t.Errorf("the function is told %v, and not what the event source has", variables["KEYRELAY_QUEUE_CONCURRENCY"])
		}
	})
	t.Run("shared tokens", func(t *testing.T) {
		made := process(t, "SharedTokens=true", "SecretPrefix=staging/", "Caller1=osmos")
		made.expect(t, "TokenTable", "TimeToLiveSpecification", `{"AttributeName": "expires", "Enabled": true}`)
		made.expect(t, "TokenTable", "KeySchema", `[{"AttributeName": "id", "KeyType": "HASH"}]`)
		made.expect(t, "TokenTable", "SSESpecification", `{"SSEEnabled": true}`)
		made.expect(t, "TokenKey", "GenerateSecretString", `{"PasswordLength": 64, "ExcludePunctuation": true}`)
		made.expect(t, "TokenKey", "Name", `{"Fn::Sub": "staging/${AWS::StackName}/token-key"}`)
		if description := versionDescription(made); !strings.Contains(description, " + ") {
			t.Errorf("the version is described as %q, which does not change with the parameter", description)
		}
	})
	t.Run("by default", func(t *testing.T) {
		made := process(t)
		for _, name := range []string{"FailuresQuery", "AuditQuery"} {
			made.expect(t, name, "LogGroupNames", `[{"Ref": "RelayLog"}]`)
		}
		for name, resource := range made.Resources {
			switch resource.Type {
			case "AWS::CodeDeploy::DeploymentGroup", "AWS::WAFv2::WebACLAssociation", "AWS::ApiGateway::DomainName",
				"AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::Lambda::EventSourceMapping":
				t.Errorf("there is %s, which nobody asked for", name)
			}
		}
		if _, isThere := made.Resources["Api"].Properties["Body"].(map[string]any)["x-amazon-apigateway-policy"]; isThere {
			t.Error("the gateway has a policy")
		}
	})
}

// versionDescription is the text that makes a new version where it changes, but for the
// ids of keys.
func versionDescription(made processed) string {
	for _, resource := range made.Resources {
		if resource.Type == "AWS::Lambda::Version" {
			joined, _ := resource.Properties["Description"].(map[string]any)
			parts, _ := joined["Fn::Join"].([]any)
			texts, _ := parts[1].([]any)
			var text strings.Builder
			for _, each := range texts {
				fmt.Fprint(&text, each, " ")
			}
			return text.String()
		}
	}
	return ""
}

// expect holds a property of a resource against JSON.
func (p processed) expect(t *testing.T, resource, property, value string) {
	t.Helper()
	if difference := cmp.Diff(decoded(t, value), p.Resources[resource].Properties[property]); difference != "" {
		t.Errorf("%s.%s (-want +got):\n%s", resource, property, difference)
	}
}

// expectBody holds a member of the gateway's OpenAPI document against JSON.
func (p processed) expectBody(t *testing.T, member, value string) {
	t.Helper()
	body, _ := p.Resources["Api"].Properties["Body"].(map[string]any)
	if difference := cmp.Diff(decoded(t, value), body[member]); difference != "" {
		t.Errorf("%s (-want +got):\n%s", member, difference)
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
