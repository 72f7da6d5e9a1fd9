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

{{- /* The labels of the app's pods. */ -}}
{{- define "doorward.app" -}}
{{- toYaml (.Values.networkPolicy.app | default (dict "app.kubernetes.io/name" "app")) }}
{{- end }}

{{- /* Refuses what would start and yet be wrong. */ -}}
{{- define "doorward.checked" -}}
{{- if .Values.sidecar }}
{{- if not (regexMatch "^(https?://(127\\.|localhost\\b|\\[::1\\])|unix:)" .Values.config.upstream) }}
{{- fail (printf "config.upstream is %s, which is not in this pod: with a sidecar name where the app listens, such as http://127.0.0.1:3000" .Values.config.upstream) }}
{{- end }}
{{- else if and (gt (int .Values.replicas) 1) (not .Values.redis.enabled) }}
{{- $store := dig "session" "store" "" .Values.config }}
{{- $named := kindIs "map" $store }}
{{- range .Values.env }}
{{- if eq .name "DOORWARD_SESSION_STORE_REDIS_URL" }}{{ $named = true }}{{ end }}
{{- end }}
{{- if not $named }}
{{- fail (printf "%d replicas share no sessions: redis.enabled is false, and neither env has a DOORWARD_SESSION_STORE_REDIS_URL nor config a session.store.redis" (int .Values.replicas)) }}
{{- end }}
{{- end }}
{{- end }}
