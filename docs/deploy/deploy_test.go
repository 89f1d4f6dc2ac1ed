// Package deploy tests compose.yaml and kubernetes.yaml with the parsers of Docker Compose,
// Kubernetes and NATS.
package deploy

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func TestCompose(t *testing.T) {
	data, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	project, err := compose(t, string(data))
	require.NoError(t, err)
	assert.Len(t, project.Services, 8, "with the profile fleet")
	for _, s := range project.Services {
		for name := range s.DependsOn {
			assert.Contains(t, project.Services, name)
		}
	}
	natsConfig(t, strings.ReplaceAll(project.Configs["nats"].Content, "$$", "$"))

	_, err = compose(t, misspell(t, string(data), "stop_grace_period: 30s", "stop_grace_perod: 30s"))
	assert.ErrorContains(t, err, "stop_grace_perod")
	_, err = compose(t, misspell(t, string(data), "replicas: 3", "replikas: 3"))
	assert.ErrorContains(t, err, "replikas")
}

func compose(t *testing.T, data string) (*types.Project, error) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(data), 0o600))
	env := []string{"NATS_PASSWORD=p", "SMOOCH_APP=a", "SMOOCH_KEY_ID=k", "SMOOCH_KEY_SECRET=s", "SMOOCH_WEBHOOK_SECRETS=w"}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(env), cli.WithProfiles([]string{"fleet"}))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func TestKubernetes(t *testing.T) {
	data, err := os.ReadFile("kubernetes.yaml")
	require.NoError(t, err)
	objects, err := kubernetes(t, string(data))
	require.NoError(t, err)
	names := map[string]runtime.Object{}
	for _, o := range objects {
		named, ok := o.(interface{ GetName() string })
		require.True(t, ok)
		names[o.GetObjectKind().GroupVersionKind().Kind+" "+named.GetName()] = o
	}
	assert.Len(t, names, len(objects), "each has a name of its own")

	secret := names["Secret smooch"].(*corev1.Secret)
	for key, template := range map[string]corev1.PodTemplateSpec{
		"Deployment receiver": names["Deployment receiver"].(*appsv1.Deployment).Spec.Template,
		"Deployment worker":   names["Deployment worker"].(*appsv1.Deployment).Spec.Template,
		"Deployment redis":    names["Deployment redis"].(*appsv1.Deployment).Spec.Template,
		"StatefulSet nats":    names["StatefulSet nats"].(*appsv1.StatefulSet).Spec.Template,
	} {
		assert.Equal(t, strings.Fields(key)[1], template.Labels["app"])
		for _, c := range template.Spec.Containers {
			assert.NotNil(t, c.LivenessProbe, key)
			assert.NotNil(t, c.ReadinessProbe, key)
			assert.NotEmpty(t, c.Resources.Requests, key)
			for _, e := range c.Env {
				if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
					assert.Contains(t, secret.StringData, e.ValueFrom.SecretKeyRef.Key)
				}
			}
		}
	}
	for _, o := range objects {
		if scaler, ok := o.(*autoscalingv2.HorizontalPodAutoscaler); ok {
			assert.Contains(t, names, scaler.Spec.ScaleTargetRef.Kind+" "+scaler.Spec.ScaleTargetRef.Name)
		}
	}
	natsConfig(t, names["ConfigMap nats"].(*corev1.ConfigMap).Data["nats.conf"])

	_, err = kubernetes(t, misspell(t, string(data), "terminationGracePeriodSeconds", "terminationGracePeriodSecond"))
	assert.ErrorContains(t, err, `unknown field "spec.template.spec.terminationGracePeriodSecond"`)
	_, err = kubernetes(t, misspell(t, string(data), "maxUnavailable: 1", "maxUnavailable: 1\n  maxUnavailable: 2"))
	assert.ErrorContains(t, err, `already set`)
}

// kubernetes decodes the objects of a file, as an API server does with fieldValidation=Strict.
func kubernetes(t *testing.T, data string) (objects []runtime.Object, err error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(data)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		require.NoError(t, err)
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}

// natsConfig has the NATS server read its configuration.
func natsConfig(t *testing.T, config string) {
	t.Helper()
	t.Setenv("NATS_PASSWORD", "secret")
	t.Setenv("POD_NAME", "nats-0")
	read := func(config string) (*server.Options, error) {
		file := filepath.Join(t.TempDir(), "nats.conf")
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		return server.ProcessConfigFile(file)
	}
	options, err := read(config)
	require.NoError(t, err)
	assert.Equal(t, "secret", options.Password)
	assert.True(t, options.JetStream)
	assert.Len(t, options.Routes, 3)

	_, err = read(misspell(t, config, "store_dir", "store_dri"))
	assert.ErrorContains(t, err, "store_dri")
}

// misspell replaces the first right in data by wrong.
func misspell(t *testing.T, data, right, wrong string) string {
	t.Helper()
	require.Contains(t, data, right)
	return strings.Replace(data, right, wrong, 1)
}
