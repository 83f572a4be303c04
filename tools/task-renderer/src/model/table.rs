//! What RegisterTaskDefinition takes. Written by model/generate.py from botocore 1.44.5,
//! data/ecs/2014-11-13/service-2.json; not to be edited by hand.

use super::{Shape, Structure, optional, required};

static CONTAINER_DEFINITION: Structure = Structure {
    name: "ContainerDefinition",
    members: &[
        optional("command", Shape::List(&Shape::Text)),
        optional("cpu", Shape::Integer),
        optional("credentialSpecs", Shape::List(&Shape::Text)),
        optional(
            "dependsOn",
            Shape::List(&Shape::Structure(&CONTAINER_DEPENDENCY)),
        ),
        optional("disableNetworking", Shape::Flag),
        optional("dnsSearchDomains", Shape::List(&Shape::Text)),
        optional("dnsServers", Shape::List(&Shape::Text)),
        optional("dockerLabels", Shape::Texts),
        optional("dockerSecurityOptions", Shape::List(&Shape::Text)),
        optional("entryPoint", Shape::List(&Shape::Text)),
        optional(
            "environment",
            Shape::List(&Shape::Structure(&KEY_VALUE_PAIR)),
        ),
        optional(
            "environmentFiles",
            Shape::List(&Shape::Structure(&ENVIRONMENT_FILE)),
        ),
        optional("essential", Shape::Flag),
        optional("extraHosts", Shape::List(&Shape::Structure(&HOST_ENTRY))),
        optional(
            "firelensConfiguration",
            Shape::Structure(&FIRELENS_CONFIGURATION),
        ),
        optional("healthCheck", Shape::Structure(&HEALTH_CHECK)),
        optional("hostname", Shape::Text),
        optional("image", Shape::Text),
        optional("interactive", Shape::Flag),
        optional("links", Shape::List(&Shape::Text)),
        optional("linuxParameters", Shape::Structure(&LINUX_PARAMETERS)),
        optional("logConfiguration", Shape::Structure(&LOG_CONFIGURATION)),
        optional("memory", Shape::Integer),
        optional("memoryReservation", Shape::Integer),
        optional("mountPoints", Shape::List(&Shape::Structure(&MOUNT_POINT))),
        optional("name", Shape::Text),
        optional(
            "portMappings",
            Shape::List(&Shape::Structure(&PORT_MAPPING)),
        ),
        optional("privileged", Shape::Flag),
        optional("pseudoTerminal", Shape::Flag),
        optional("readonlyRootFilesystem", Shape::Flag),
        optional(
            "repositoryCredentials",
            Shape::Structure(&REPOSITORY_CREDENTIALS),
        ),
        optional(
            "resourceRequirements",
            Shape::List(&Shape::Structure(&RESOURCE_REQUIREMENT)),
        ),
        optional("restartPolicy", Shape::Structure(&CONTAINER_RESTART_POLICY)),
        optional("secrets", Shape::List(&Shape::Structure(&SECRET))),
        optional("startTimeout", Shape::Integer),
        optional("stopTimeout", Shape::Integer),
        optional(
            "systemControls",
            Shape::List(&Shape::Structure(&SYSTEM_CONTROL)),
        ),
        optional("ulimits", Shape::List(&Shape::Structure(&ULIMIT))),
        optional("user", Shape::Text),
        optional("versionConsistency", Shape::Words(&["enabled", "disabled"])),
        optional("volumesFrom", Shape::List(&Shape::Structure(&VOLUME_FROM))),
        optional("workingDirectory", Shape::Text),
    ],
};

static CONTAINER_DEPENDENCY: Structure = Structure {
    name: "ContainerDependency",
    members: &[
        required(
            "condition",
            Shape::Words(&["START", "COMPLETE", "SUCCESS", "HEALTHY"]),
        ),
        required("containerName", Shape::Text),
    ],
};

static CONTAINER_RESTART_POLICY: Structure = Structure {
    name: "ContainerRestartPolicy",
    members: &[
        required("enabled", Shape::Flag),
        optional("ignoredExitCodes", Shape::List(&Shape::Integer)),
        optional("restartAttemptPeriod", Shape::Integer),
    ],
};

static DEVICE: Structure = Structure {
    name: "Device",
    members: &[
        optional("containerPath", Shape::Text),
        required("hostPath", Shape::Text),
        optional(
            "permissions",
            Shape::List(&Shape::Words(&["read", "write", "mknod"])),
        ),
    ],
};

static DOCKER_VOLUME_CONFIGURATION: Structure = Structure {
    name: "DockerVolumeConfiguration",
    members: &[
        optional("autoprovision", Shape::Flag),
        optional("driver", Shape::Text),
        optional("driverOpts", Shape::Texts),
        optional("labels", Shape::Texts),
        optional("scope", Shape::Words(&["task", "shared"])),
    ],
};

static EFS_AUTHORIZATION_CONFIG: Structure = Structure {
    name: "EFSAuthorizationConfig",
    members: &[
        optional("accessPointId", Shape::Text),
        optional("iam", Shape::Words(&["ENABLED", "DISABLED"])),
    ],
};

static EFS_VOLUME_CONFIGURATION: Structure = Structure {
    name: "EFSVolumeConfiguration",
    members: &[
        optional(
            "authorizationConfig",
            Shape::Structure(&EFS_AUTHORIZATION_CONFIG),
        ),
        required("fileSystemId", Shape::Text),
        optional("rootDirectory", Shape::Text),
        optional("transitEncryption", Shape::Words(&["ENABLED", "DISABLED"])),
        optional("transitEncryptionPort", Shape::Integer),
    ],
};

static ENVIRONMENT_FILE: Structure = Structure {
    name: "EnvironmentFile",
    members: &[
        required("type", Shape::Words(&["s3"])),
        required("value", Shape::Text),
    ],
};

static EPHEMERAL_STORAGE: Structure = Structure {
    name: "EphemeralStorage",
    members: &[required("sizeInGiB", Shape::Integer)],
};

static F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG: Structure = Structure {
    name: "FSxWindowsFileServerAuthorizationConfig",
    members: &[
        required("credentialsParameter", Shape::Text),
        required("domain", Shape::Text),
    ],
};

static F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION: Structure = Structure {
    name: "FSxWindowsFileServerVolumeConfiguration",
    members: &[
        required(
            "authorizationConfig",
            Shape::Structure(&F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG),
        ),
        required("fileSystemId", Shape::Text),
        required("rootDirectory", Shape::Text),
    ],
};

static FIRELENS_CONFIGURATION: Structure = Structure {
    name: "FirelensConfiguration",
    members: &[
        optional("options", Shape::Texts),
        required("type", Shape::Words(&["fluentd", "fluentbit"])),
    ],
};

static HEALTH_CHECK: Structure = Structure {
    name: "HealthCheck",
    members: &[
        required("command", Shape::List(&Shape::Text)),
        optional("interval", Shape::Integer),
        optional("retries", Shape::Integer),
        optional("startPeriod", Shape::Integer),
        optional("timeout", Shape::Integer),
    ],
};

static HOST_ENTRY: Structure = Structure {
    name: "HostEntry",
    members: &[
        required("hostname", Shape::Text),
        required("ipAddress", Shape::Text),
    ],
};

static HOST_VOLUME_PROPERTIES: Structure = Structure {
    name: "HostVolumeProperties",
    members: &[optional("sourcePath", Shape::Text)],
};

static INFERENCE_ACCELERATOR: Structure = Structure {
    name: "InferenceAccelerator",
    members: &[
        required("deviceName", Shape::Text),
        required("deviceType", Shape::Text),
    ],
};

static KERNEL_CAPABILITIES: Structure = Structure {
    name: "KernelCapabilities",
    members: &[
        optional("add", Shape::List(&Shape::Text)),
        optional("drop", Shape::List(&Shape::Text)),
    ],
};

static KEY_VALUE_PAIR: Structure = Structure {
    name: "KeyValuePair",
    members: &[
        optional("name", Shape::Text),
        optional("value", Shape::Text),
    ],
};

static LINUX_PARAMETERS: Structure = Structure {
    name: "LinuxParameters",
    members: &[
        optional("capabilities", Shape::Structure(&KERNEL_CAPABILITIES)),
        optional("devices", Shape::List(&Shape::Structure(&DEVICE))),
        optional("initProcessEnabled", Shape::Flag),
        optional("maxSwap", Shape::Integer),
        optional("sharedMemorySize", Shape::Integer),
        optional("swappiness", Shape::Integer),
        optional("tmpfs", Shape::List(&Shape::Structure(&TMPFS))),
    ],
};

static LOG_CONFIGURATION: Structure = Structure {
    name: "LogConfiguration",
    members: &[
        required(
            "logDriver",
            Shape::Words(&[
                "json-file",
                "syslog",
                "journald",
                "gelf",
                "fluentd",
                "awslogs",
                "splunk",
                "awsfirelens",
            ]),
        ),
        optional("options", Shape::Texts),
        optional("secretOptions", Shape::List(&Shape::Structure(&SECRET))),
    ],
};

static MOUNT_POINT: Structure = Structure {
    name: "MountPoint",
    members: &[
        optional("containerPath", Shape::Text),
        optional("readOnly", Shape::Flag),
        optional("sourceVolume", Shape::Text),
    ],
};

static NVIDIA_MPS_ALLOCATION: Structure = Structure {
    name: "NvidiaMpsAllocation",
    members: &[
        optional("maxComputePercent", Shape::Integer),
        required("memory", Shape::Integer),
    ],
};

static PORT_MAPPING: Structure = Structure {
    name: "PortMapping",
    members: &[
        optional("appProtocol", Shape::Words(&["http", "http2", "grpc"])),
        optional("containerPort", Shape::Integer),
        optional("containerPortRange", Shape::Text),
        optional("hostPort", Shape::Integer),
        optional("name", Shape::Text),
        optional("protocol", Shape::Words(&["tcp", "udp"])),
    ],
};

static PROXY_CONFIGURATION: Structure = Structure {
    name: "ProxyConfiguration",
    members: &[
        required("containerName", Shape::Text),
        optional(
            "properties",
            Shape::List(&Shape::Structure(&KEY_VALUE_PAIR)),
        ),
        optional("type", Shape::Words(&["APPMESH"])),
    ],
};

pub(crate) static REGISTER_TASK_DEFINITION_REQUEST: Structure = Structure {
    name: "RegisterTaskDefinitionRequest",
    members: &[
        required(
            "containerDefinitions",
            Shape::List(&Shape::Structure(&CONTAINER_DEFINITION)),
        ),
        optional("cpu", Shape::Text),
        optional("enableFaultInjection", Shape::Flag),
        optional("ephemeralStorage", Shape::Structure(&EPHEMERAL_STORAGE)),
        optional("executionRoleArn", Shape::Text),
        required("family", Shape::Text),
        optional(
            "inferenceAccelerators",
            Shape::List(&Shape::Structure(&INFERENCE_ACCELERATOR)),
        ),
        optional("ipcMode", Shape::Words(&["host", "task", "none"])),
        optional("memory", Shape::Text),
        optional(
            "networkMode",
            Shape::Words(&["bridge", "host", "awsvpc", "none"]),
        ),
        optional("pidMode", Shape::Words(&["host", "task"])),
        optional(
            "placementConstraints",
            Shape::List(&Shape::Structure(&TASK_DEFINITION_PLACEMENT_CONSTRAINT)),
        ),
        optional("proxyConfiguration", Shape::Structure(&PROXY_CONFIGURATION)),
        optional(
            "requiresCompatibilities",
            Shape::List(&Shape::Words(&[
                "EC2",
                "FARGATE",
                "EXTERNAL",
                "MANAGED_INSTANCES",
            ])),
        ),
        optional("runtimePlatform", Shape::Structure(&RUNTIME_PLATFORM)),
        optional("tags", Shape::List(&Shape::Structure(&TAG))),
        optional("taskRoleArn", Shape::Text),
        optional(
            "trustedExecutionConfiguration",
            Shape::Structure(&TRUSTED_EXECUTION_CONFIGURATION),
        ),
        optional("volumes", Shape::List(&Shape::Structure(&VOLUME))),
    ],
};

static REPOSITORY_CREDENTIALS: Structure = Structure {
    name: "RepositoryCredentials",
    members: &[required("credentialsParameter", Shape::Text)],
};

static RESOURCE_REQUIREMENT: Structure = Structure {
    name: "ResourceRequirement",
    members: &[
        optional("sharingStrategy", Shape::Structure(&SHARING_STRATEGY)),
        required(
            "type",
            Shape::Words(&["GPU", "InferenceAccelerator", "NeuronDevice"]),
        ),
        optional("value", Shape::Text),
    ],
};

static RUNTIME_PLATFORM: Structure = Structure {
    name: "RuntimePlatform",
    members: &[
        optional("cpuArchitecture", Shape::Words(&["X86_64", "ARM64"])),
        optional(
            "operatingSystemFamily",
            Shape::Words(&[
                "WINDOWS_SERVER_2019_FULL",
                "WINDOWS_SERVER_2019_CORE",
                "WINDOWS_SERVER_2016_FULL",
                "WINDOWS_SERVER_2004_CORE",
                "WINDOWS_SERVER_2022_CORE",
                "WINDOWS_SERVER_2022_FULL",
                "WINDOWS_SERVER_2025_CORE",
                "WINDOWS_SERVER_2025_FULL",
                "WINDOWS_SERVER_20H2_CORE",
                "LINUX",
            ]),
        ),
    ],
};

static S3_FILES_VOLUME_CONFIGURATION: Structure = Structure {
    name: "S3FilesVolumeConfiguration",
    members: &[
        optional("accessPointArn", Shape::Text),
        required("fileSystemArn", Shape::Text),
        optional("rootDirectory", Shape::Text),
        optional("transitEncryptionPort", Shape::Integer),
    ],
};

static SECRET: Structure = Structure {
    name: "Secret",
    members: &[
        required("name", Shape::Text),
        required("valueFrom", Shape::Text),
    ],
};

static SHARING_STRATEGY: Structure = Structure {
    name: "SharingStrategy",
    members: &[optional(
        "nvidiaMps",
        Shape::Structure(&NVIDIA_MPS_ALLOCATION),
    )],
};

static SYSTEM_CONTROL: Structure = Structure {
    name: "SystemControl",
    members: &[
        optional("namespace", Shape::Text),
        optional("value", Shape::Text),
    ],
};

static TAG: Structure = Structure {
    name: "Tag",
    members: &[optional("key", Shape::Text), optional("value", Shape::Text)],
};

static TASK_DEFINITION_PLACEMENT_CONSTRAINT: Structure = Structure {
    name: "TaskDefinitionPlacementConstraint",
    members: &[
        optional("expression", Shape::Text),
        optional("type", Shape::Words(&["memberOf"])),
    ],
};

static TMPFS: Structure = Structure {
    name: "Tmpfs",
    members: &[
        required("containerPath", Shape::Text),
        optional("mountOptions", Shape::List(&Shape::Text)),
        required("size", Shape::Integer),
    ],
};

static TRUSTED_EXECUTION_CONFIGURATION: Structure = Structure {
    name: "TrustedExecutionConfiguration",
    members: &[
        optional("attestationPolicy", Shape::Text),
        required(
            "isolationMode",
            Shape::Words(&["SHARED", "ISOLATED_SANDBOX", "CONFIDENTIAL_SANDBOX"]),
        ),
    ],
};

static ULIMIT: Structure = Structure {
    name: "Ulimit",
    members: &[
        required("hardLimit", Shape::Integer),
        required(
            "name",
            Shape::Words(&[
                "core",
                "cpu",
                "data",
                "fsize",
                "locks",
                "memlock",
                "msgqueue",
                "nice",
                "nofile",
                "nproc",
                "rss",
                "rtprio",
                "rttime",
                "sigpending",
                "stack",
            ]),
        ),
        required("softLimit", Shape::Integer),
    ],
};

static VOLUME: Structure = Structure {
    name: "Volume",
    members: &[
        optional("configuredAtLaunch", Shape::Flag),
        optional(
            "dockerVolumeConfiguration",
            Shape::Structure(&DOCKER_VOLUME_CONFIGURATION),
        ),
        optional(
            "efsVolumeConfiguration",
            Shape::Structure(&EFS_VOLUME_CONFIGURATION),
        ),
        optional(
            "fsxWindowsFileServerVolumeConfiguration",
            Shape::Structure(&F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION),
        ),
        optional("host", Shape::Structure(&HOST_VOLUME_PROPERTIES)),
        optional("name", Shape::Text),
        optional(
            "s3filesVolumeConfiguration",
            Shape::Structure(&S3_FILES_VOLUME_CONFIGURATION),
        ),
    ],
};

static VOLUME_FROM: Structure = Structure {
    name: "VolumeFrom",
    members: &[
        optional("readOnly", Shape::Flag),
        optional("sourceContainer", Shape::Text),
    ],
};
