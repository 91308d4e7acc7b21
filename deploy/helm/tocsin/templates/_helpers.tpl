{{- define "tocsin.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "tocsin.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tocsin.labels" -}}
{{ include "tocsin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "tocsin.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "tocsin.name" .) }}
{{- end -}}

{{- define "tocsin.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "tocsin.ledgerClaim" -}}
{{ .Values.record.ledger.existingClaim | default (printf "%s-ledger" (include "tocsin.name" .)) }}
{{- end -}}

{{/* tocsin.yaml: what the chart knows over what `config` says. */}}
{{- define "tocsin.config" -}}
{{- range $own := list "data" "listen" "health" "journal" "rules" "playbooks" -}}
{{- if hasKey $.Values.config $own -}}{{ fail (printf "config.%s is written by the chart; take it out of `config`" $own) }}{{- end -}}
{{- end -}}
{{- with .Values.journal -}}
{{- $kafka := required "journal.kafka is needed: HOST:PORT[,HOST:PORT...]" .kafka -}}
{{- $host := required "journal.postgres.host is needed" .postgres.host -}}
{{- $where := printf "%s:%v/%s%s" $host .postgres.port .postgres.database (.postgres.parameters | empty | ternary "" (printf "?%s" .postgres.parameters)) -}}
{{- $url := printf "postgresql://%s:${file:/run/secrets/tocsin/postgres_password}@%s" .postgres.user $where -}}
{{- $own := dict "data" "/var/lib/tocsin" "listen" "0.0.0.0:8710" "health" "0.0.0.0:8711" "journal" (dict "kafka" $kafka "postgres" $url "tenant" .tenant) -}}
{{- if $.Values.rules -}}{{- $_ := set $own "rules" (list "rules") -}}{{- end -}}
{{- if $.Values.playbooks -}}{{- $_ := set $own "playbooks" "playbooks" -}}{{- end -}}
{{- mergeOverwrite (deepCopy $.Values.config) $own | toYaml -}}
{{- end -}}
{{- end -}}

{{/* One role's pod. Called with {root, role, values}. */}}
{{- define "tocsin.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "tocsin.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  annotations:
    checksum/configuration: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    {{- with .values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tocsin.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $root.Values.topologySpread }}
  topologySpreadConstraints:
    {{- $role := .role }}
    {{- range $root.Values.topologySpread }}
    - topologyKey: {{ .topologyKey }}
      maxSkew: {{ .maxSkew }}
      whenUnsatisfiable: {{ .whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "tocsin.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $role }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .role }}
      image: {{ include "tocsin.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [run, {{ .role }}]
      env:
        - name: TOCSIN_CONFIG
          value: /etc/tocsin/tocsin.yaml
      ports:
        {{- if eq .role "ingest" }}
        - {name: http, containerPort: 8710, protocol: TCP}
        {{- end }}
        - {name: health, containerPort: 8711, protocol: TCP}
      # Five minutes to start: a first migration, or a broker that comes up at the same time.
      startupProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 150
      # It answers as long as its loop turns. A fault outside (Kafka, PostgreSQL, a disk) is none that a restart mends.
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: {{ .values.readinessPath }}, port: health}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if eq .role "ingest" }}
      lifecycle:
        preStop:
          sleep: {seconds: 5}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        - {name: configuration, mountPath: /etc/tocsin, readOnly: true}
        - {name: secrets, mountPath: /run/secrets/tocsin, readOnly: true}
        - {name: data, mountPath: /var/lib/tocsin}
        - {name: tmp, mountPath: /tmp}
        {{- if eq .role "ingest" }}
        - {name: identity, mountPath: /var/lib/tocsin/token, subPath: token, readOnly: true}
        - {name: identity, mountPath: /var/lib/tocsin/redaction.key, subPath: redaction.key, readOnly: true}
        {{- end }}
        {{- if eq .role "record" }}
        - {name: ledger, mountPath: /var/lib/tocsin/ledger}
        {{- end }}
  volumes:
    - name: configuration
      configMap:
        name: {{ include "tocsin.name" $root }}
        items:
          - {key: tocsin.yaml, path: tocsin.yaml}
          {{- range $file, $_ := $root.Values.rules }}
          - {key: {{ printf "rules__%s" $file | quote }}, path: {{ printf "rules/%s" $file | quote }}}
          {{- end }}
          {{- range $file, $_ := $root.Values.playbooks }}
          - {key: {{ printf "playbooks__%s" ($file | replace "/" "__") | quote }}, path: {{ printf "playbooks/%s" $file | quote }}}
          {{- end }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          - secret:
              name: {{ $root.Values.journal.postgres.existingSecret }}
              items:
                - {key: {{ $root.Values.journal.postgres.passwordKey }}, path: postgres_password}
          {{- range $root.Values.secrets }}
          - secret:
              name: {{ . }}
          {{- end }}
    {{- if eq .role "ingest" }}
    - name: identity
      secret:
        secretName: {{ $root.Values.identity.existingSecret }}
        defaultMode: 0440
    {{- end }}
    # The emergency journal alone: it outlives the container, not the pod.
    - name: data
      emptyDir: {sizeLimit: 64Mi}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- if eq .role "record" }}
    - name: ledger
      persistentVolumeClaim:
        claimName: {{ include "tocsin.ledgerClaim" $root }}
    {{- end }}
{{- end -}}
