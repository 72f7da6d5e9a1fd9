{{- define "doorward.selector" -}}
app.kubernetes.io/name: {{ .Release.Name }}
{{- end }}

{{- define "doorward.labels" -}}
{{ include "doorward.selector" . }}
{{ include "doorward.chart" . }}
{{- end }}

{{- define "doorward.redis" -}}
app.kubernetes.io/name: {{ .Release.Name }}-redis
{{- end }}

{{- define "doorward.chart" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "doorward.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* The Redis of this chart: of replicas, and not with a sidecar. */ -}}
{{- define "doorward.hasRedis" -}}
{{- if and .Values.redis.enabled (not .Values.sidecar) }}yes{{ end }}
{{- end }}

{{- /* What every container of ours may: nothing. */ -}}
{{- define "doorward.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
