{{- define "daegeum.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "daegeum.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "daegeum.labels" -}}
{{ include "daegeum.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "daegeum.image" -}}
{{- with .Values.image.digest }}{{ printf "%s@%s" $.Values.image.repository . }}{{ else }}{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}{{ end }}
{{- end }}

{{- define "daegeum.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "daegeum.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "daegeum.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "daegeum.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* A projected secret as a file of its own name. Arguments: a list of the secret, the file. */}}
{{- define "daegeum.secretFile" -}}
- secret:
    name: {{ (index . 0).secret }}
    items: [{key: {{ (index . 0).key }}, path: {{ index . 1 }}}]
{{- end }}

{{/* What a pod of a role runs. Arguments: root, role (serve, api, worker). */}}
{{- define "daegeum.podTemplate" -}}
{{- $root := .root }}{{ $values := $root.Values }}{{ $role := .role }}{{ $of := index $values $role }}
{{- $serves := ne $role "worker" }}
{{- $database := $values.secrets.database }}
{{- if and (eq $role "api") $values.secrets.databaseOfApi.secret }}{{ $database = $values.secrets.databaseOfApi }}{{ end }}
{{- if and (eq $role "worker") $values.secrets.databaseOfWorker.secret }}{{ $database = $values.secrets.databaseOfWorker }}{{ end }}
metadata:
  labels:
    {{- include "daegeum.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $role }}
  annotations:
    # New settings mean new pods.
    checksum/config: {{ include "daegeum.config" $root | sha256sum }}
    {{- with $of.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "daegeum.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  securityContext: {{- include "daegeum.podSecurity" $root | nindent 4 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range $key, $policy := dict "kubernetes.io/hostname" "DoNotSchedule" "topology.kubernetes.io/zone" "ScheduleAnyway" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: {{ $policy }}
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "daegeum.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $role }}
    {{- end }}
  {{- with $of.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $of.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $of.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: daegeum
      image: {{ include "daegeum.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [{{ $role }}]
      securityContext: {{- include "daegeum.containerSecurity" $root | nindent 8 }}
      env:
        - {name: DAEGEUM_CONFIG, value: /etc/daegeum/{{ $role }}.toml}
        - {name: DAEGEUM_DATABASE_URL_FILE, value: /run/secrets/daegeum/database-url}
        - {name: DAEGEUM_ENCRYPTION_KEYS_FILE, value: /run/secrets/daegeum/encryption-keys}
        - {name: TOSS_SECRET_KEY_FILE, value: /run/secrets/daegeum/toss-secret-key}
        - {name: TOSS_CLIENT_KEY, value: {{ $values.tossClientKey | quote }}}
        {{- with $values.tossUsdClientKey }}
        - {name: TOSS_USD_SECRET_KEY_FILE, value: /run/secrets/daegeum/toss-usd-secret-key}
        - {name: TOSS_USD_CLIENT_KEY, value: {{ . | quote }}}
        {{- end }}
        {{- with $values.tossJpyClientKey }}
        - {name: TOSS_JPY_SECRET_KEY_FILE, value: /run/secrets/daegeum/toss-jpy-secret-key}
        - {name: TOSS_JPY_CLIENT_KEY, value: {{ . | quote }}}
        {{- end }}
        {{- if $serves }}
        - {name: DAEGEUM_KEY_PEPPER_FILE, value: /run/secrets/daegeum/key-pepper}
        - {name: DAEGEUM_PUBLIC_URL, value: {{ $values.publicUrl | quote }}}
        - {name: DAEGEUM_LISTEN, value: "0.0.0.0:8080"}
        - {name: DAEGEUM_BEHIND_PROXY, value: "true"}
        {{- end }}
        - {name: DAEGEUM_LOG_FORMAT, value: json}
        {{- include "daegeum.temporalEnv" $root | nindent 8 }}
        {{- with $values.env }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        {{- if $serves }}
        - {name: http, containerPort: 8080}
        {{- else }}
        - {name: metrics, containerPort: 9464}
        {{- end }}
      {{- $port := ternary "http" "metrics" $serves }}
      startupProbe:
        httpGet: {path: /healthz, port: {{ $port }}}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: {{ $port }}}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 6
      # /readyz asks the database and Temporal.
      readinessProbe:
        httpGet: {path: /readyz, port: {{ $port }}}
        periodSeconds: 3
        timeoutSeconds: 6
        failureThreshold: 2
      resources: {{- toYaml $of.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/daegeum, readOnly: true}
        - {name: secrets, mountPath: /run/secrets/daegeum, readOnly: true}
        {{- if $values.temporal.tls.secret }}
        - {name: temporal-tls, mountPath: /run/secrets/temporal, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "daegeum.name" $root }}}
    - name: secrets
      projected:
        defaultMode: 288
        sources:
          {{- include "daegeum.secretFile" (list $database "database-url") | nindent 10 }}
          {{- include "daegeum.secretFile" (list $values.secrets.encryptionKeys "encryption-keys") | nindent 10 }}
          {{- include "daegeum.secretFile" (list $values.secrets.tossSecretKey "toss-secret-key") | nindent 10 }}
          {{- if $values.tossUsdClientKey }}
          {{- include "daegeum.secretFile" (list $values.secrets.tossUsdSecretKey "toss-usd-secret-key") | nindent 10 }}
          {{- end }}
          {{- if $values.tossJpyClientKey }}
          {{- include "daegeum.secretFile" (list $values.secrets.tossJpySecretKey "toss-jpy-secret-key") | nindent 10 }}
          {{- end }}
          {{- if $serves }}
          {{- include "daegeum.secretFile" (list $values.secrets.keyPepper "key-pepper") | nindent 10 }}
          {{- end }}
          {{- if $values.temporal.apiKey.secret }}
          {{- include "daegeum.secretFile" (list $values.temporal.apiKey "temporal-api-key") | nindent 10 }}
          {{- end }}
    {{- with $values.temporal.tls.secret }}
    - name: temporal-tls
      secret: {secretName: {{ . }}, defaultMode: 288}
    {{- end }}
{{- end }}

{{- define "daegeum.temporalEnv" -}}
- {name: TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }}}
- {name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }}}
{{- if .Values.temporal.apiKey.secret }}
- {name: TEMPORAL_API_KEY_FILE, value: /run/secrets/daegeum/temporal-api-key}
{{- end }}
{{- with .Values.temporal.tls }}
{{- if .secret }}
- {name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /run/secrets/temporal/{{ .certificate }}}
- {name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /run/secrets/temporal/{{ .privateKey }}}
{{- end }}
{{- with .serverName }}
- {name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* The files of settings, by role: a ConfigMap's data. */}}
{{- define "daegeum.config" -}}
{{- range include "daegeum.roles" . | fromJsonArray }}
{{ . }}.toml: |
  {{- if eq . "worker" }}
  # The NetworkPolicy decides who reaches the metrics of a worker; those of the API need a key of scope ops.
  metrics_listen = "0.0.0.0:9464"
  metrics_from = ["0.0.0.0/0", "::/0"]
  {{- end }}
  {{- $.Values.config | nindent 2 }}
{{- end }}
{{- end }}

{{/* The roles that run, as a list in JSON. */}}
{{- define "daegeum.roles" -}}
{{ if eq .Values.mode "serve" }}["serve"]{{ else }}["api", "worker"]{{ end }}
{{- end }}

{{/* A rule of a NetworkPolicy: a port, and the peers where they are named. */}}
{{- define "daegeum.egress" -}}
- ports: [{protocol: TCP, port: {{ .port }}}]
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
