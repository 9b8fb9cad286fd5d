{{/* Names and labels. `name` of a part: (list . "node") */}}
{{- define "chargehouse.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "chargehouse.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "chargehouse.labels" -}}
{{- $root := index . 0 -}}
{{ include "chargehouse.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | quote }}
{{- end -}}

{{- define "chargehouse.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "chargehouse.claim" -}}
{{- default (printf "%s-shared" (include "chargehouse.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* A value as our settings are written: whole numbers without an exponent. */}}
{{- define "chargehouse.plain" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- printf "%.0f" . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* What nodes and control processes read. Passwords are in the file. */}}
{{- define "chargehouse.environment" -}}
- name: CHARGEHOUSE_CONFIG
  value: /etc/chargehouse/settings/chargehouse.toml
- name: CHARGEHOUSE_NODE_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
- name: CHARGEHOUSE_NATS_URLS
  value: {{ required "Set nats.urls." (join "," .Values.nats.urls) | quote }}
- name: CHARGEHOUSE_NATS_REPLICAS
  value: {{ .Values.nats.replicas | quote }}
- name: CHARGEHOUSE_NATS_PREFIX
  value: {{ .Values.nats.prefix | quote }}
- name: CHARGEHOUSE_MONITOR_LISTEN
  value: {{ printf "0.0.0.0:%v" .Values.monitor.port | quote }}
{{- if .Values.node.tls.enabled }}
- name: CHARGEHOUSE_OCPP_TLS_LISTEN
  value: "0.0.0.0:9000"
{{- if .Values.node.tls.secretName }}
- name: CHARGEHOUSE_OCPP_TLS_CERT
  value: /etc/chargehouse/ocpp-tls/tls.crt
- name: CHARGEHOUSE_OCPP_TLS_KEY
  value: /etc/chargehouse/ocpp-tls/tls.key
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ printf "CHARGEHOUSE_%s" (upper $name) }}
  value: {{ include "chargehouse.plain" $value | quote }}
{{- end }}
{{- end -}}

{{- define "chargehouse.mounts" -}}
- {name: settings, mountPath: /etc/chargehouse/settings, readOnly: true}
- {name: shared, mountPath: /var/lib/chargehouse}
- {name: tmp, mountPath: /tmp}
{{- if .Values.node.tls.secretName }}
- {name: ocpp-tls, mountPath: /etc/chargehouse/ocpp-tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "chargehouse.volumes" -}}
- name: settings
  secret: {secretName: {{ required "Set secretName, the Secret with chargehouse.toml." .Values.secretName | quote }}, defaultMode: 288}
- name: shared
  persistentVolumeClaim: {claimName: {{ include "chargehouse.claim" . | quote }}}
- name: tmp
  emptyDir: {}
{{- if .Values.node.tls.secretName }}
- name: ocpp-tls
  secret: {secretName: {{ .Values.node.tls.secretName | quote }}, defaultMode: 288}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pod's part that all have in common: (list . "node" .Values.node) */}}
{{- define "chargehouse.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $part := index . 2 -}}
serviceAccountName: {{ include "chargehouse.fullname" $root }}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ $part.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
{{ toYaml . | indent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
{{ toYaml . | indent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
{{ include "chargehouse.selector" (list $root $component) | indent 8 }}
{{- end -}}

{{/* The container's part that all have in common: (list . .Values.node) */}}
{{- define "chargehouse.container" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
image: {{ include "chargehouse.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
{{ toYaml $part.resources | indent 2 }}
lifecycle:
  preStop:
    exec: {command: ["sleep", {{ $part.preStopSeconds | quote }}]}
{{- end -}}

{{/* Probes on the monitor's address. */}}
{{- define "chargehouse.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: monitor}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: monitor}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: monitor}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}
