//! What RegisterTaskDefinition takes. Written by model/generate.py from botocore 1.44.5,
//! data/ecs/2014-11-13/service-2.json; not to be edited by hand.

use super::{Member, Shape, Structure};

static CONTAINER_DEFINITION: Structure = Structure {
    name: "ContainerDefinition",
    members: &[
        Member {
            name: "command",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "cpu",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "credentialSpecs",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "dependsOn",
            required: false,
            shape: Shape::List(&Shape::Structure(&CONTAINER_DEPENDENCY)),
        },
        Member {
            name: "disableNetworking",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "dnsSearchDomains",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "dnsServers",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "dockerLabels",
            required: false,
            shape: Shape::Texts,
        },
        Member {
            name: "dockerSecurityOptions",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "entryPoint",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "environment",
            required: false,
            shape: Shape::List(&Shape::Structure(&KEY_VALUE_PAIR)),
        },
        Member {
            name: "environmentFiles",
            required: false,
            shape: Shape::List(&Shape::Structure(&ENVIRONMENT_FILE)),
        },
        Member {
            name: "essential",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "extraHosts",
            required: false,
            shape: Shape::List(&Shape::Structure(&HOST_ENTRY)),
        },
        Member {
            name: "firelensConfiguration",
            required: false,
            shape: Shape::Structure(&FIRELENS_CONFIGURATION),
        },
        Member {
            name: "healthCheck",
            required: false,
            shape: Shape::Structure(&HEALTH_CHECK),
        },
        Member {
            name: "hostname",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "image",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "interactive",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "links",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "linuxParameters",
            required: false,
            shape: Shape::Structure(&LINUX_PARAMETERS),
        },
        Member {
            name: "logConfiguration",
            required: false,
            shape: Shape::Structure(&LOG_CONFIGURATION),
        },
        Member {
            name: "memory",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "memoryReservation",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "mountPoints",
            required: false,
            shape: Shape::List(&Shape::Structure(&MOUNT_POINT)),
        },
        Member {
            name: "name",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "portMappings",
            required: false,
            shape: Shape::List(&Shape::Structure(&PORT_MAPPING)),
        },
        Member {
            name: "privileged",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "pseudoTerminal",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "readonlyRootFilesystem",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "repositoryCredentials",
            required: false,
            shape: Shape::Structure(&REPOSITORY_CREDENTIALS),
        },
        Member {
            name: "resourceRequirements",
            required: false,
            shape: Shape::List(&Shape::Structure(&RESOURCE_REQUIREMENT)),
        },
        Member {
            name: "restartPolicy",
            required: false,
            shape: Shape::Structure(&CONTAINER_RESTART_POLICY),
        },
        Member {
            name: "secrets",
            required: false,
            shape: Shape::List(&Shape::Structure(&SECRET)),
        },
        Member {
            name: "startTimeout",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "stopTimeout",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "systemControls",
            required: false,
            shape: Shape::List(&Shape::Structure(&SYSTEM_CONTROL)),
        },
        Member {
            name: "ulimits",
            required: false,
            shape: Shape::List(&Shape::Structure(&ULIMIT)),
        },
        Member {
            name: "user",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "versionConsistency",
            required: false,
            shape: Shape::Words(&["enabled", "disabled"]),
        },
        Member {
            name: "volumesFrom",
            required: false,
            shape: Shape::List(&Shape::Structure(&VOLUME_FROM)),
        },
        Member {
            name: "workingDirectory",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static CONTAINER_DEPENDENCY: Structure = Structure {
    name: "ContainerDependency",
    members: &[
        Member {
            name: "condition",
            required: true,
            shape: Shape::Words(&["START", "COMPLETE", "SUCCESS", "HEALTHY"]),
        },
        Member {
            name: "containerName",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static CONTAINER_RESTART_POLICY: Structure = Structure {
    name: "ContainerRestartPolicy",
    members: &[
        Member {
            name: "enabled",
            required: true,
            shape: Shape::Flag,
        },
        Member {
            name: "ignoredExitCodes",
            required: false,
            shape: Shape::List(&Shape::Integer),
        },
        Member {
            name: "restartAttemptPeriod",
            required: false,
            shape: Shape::Integer,
        },
    ],
};

static DEVICE: Structure = Structure {
    name: "Device",
    members: &[
        Member {
            name: "containerPath",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "hostPath",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "permissions",
            required: false,
            shape: Shape::List(&Shape::Words(&["read", "write", "mknod"])),
        },
    ],
};

static DOCKER_VOLUME_CONFIGURATION: Structure = Structure {
    name: "DockerVolumeConfiguration",
    members: &[
        Member {
            name: "autoprovision",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "driver",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "driverOpts",
            required: false,
            shape: Shape::Texts,
        },
        Member {
            name: "labels",
            required: false,
            shape: Shape::Texts,
        },
        Member {
            name: "scope",
            required: false,
            shape: Shape::Words(&["task", "shared"]),
        },
    ],
};

static EFS_AUTHORIZATION_CONFIG: Structure = Structure {
    name: "EFSAuthorizationConfig",
    members: &[
        Member {
            name: "accessPointId",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "iam",
            required: false,
            shape: Shape::Words(&["ENABLED", "DISABLED"]),
        },
    ],
};

static EFS_VOLUME_CONFIGURATION: Structure = Structure {
    name: "EFSVolumeConfiguration",
    members: &[
        Member {
            name: "authorizationConfig",
            required: false,
            shape: Shape::Structure(&EFS_AUTHORIZATION_CONFIG),
        },
        Member {
            name: "fileSystemId",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "rootDirectory",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "transitEncryption",
            required: false,
            shape: Shape::Words(&["ENABLED", "DISABLED"]),
        },
        Member {
            name: "transitEncryptionPort",
            required: false,
            shape: Shape::Integer,
        },
    ],
};

static ENVIRONMENT_FILE: Structure = Structure {
    name: "EnvironmentFile",
    members: &[
        Member {
            name: "type",
            required: true,
            shape: Shape::Words(&["s3"]),
        },
        Member {
            name: "value",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static EPHEMERAL_STORAGE: Structure = Structure {
    name: "EphemeralStorage",
    members: &[Member {
        name: "sizeInGiB",
        required: true,
        shape: Shape::Integer,
    }],
};

static F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG: Structure = Structure {
    name: "FSxWindowsFileServerAuthorizationConfig",
    members: &[
        Member {
            name: "credentialsParameter",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "domain",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION: Structure = Structure {
    name: "FSxWindowsFileServerVolumeConfiguration",
    members: &[
        Member {
            name: "authorizationConfig",
            required: true,
            shape: Shape::Structure(&F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG),
        },
        Member {
            name: "fileSystemId",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "rootDirectory",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static FIRELENS_CONFIGURATION: Structure = Structure {
    name: "FirelensConfiguration",
    members: &[
        Member {
            name: "options",
            required: false,
            shape: Shape::Texts,
        },
        Member {
            name: "type",
            required: true,
            shape: Shape::Words(&["fluentd", "fluentbit"]),
        },
    ],
};

static HEALTH_CHECK: Structure = Structure {
    name: "HealthCheck",
    members: &[
        Member {
            name: "command",
            required: true,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "interval",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "retries",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "startPeriod",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "timeout",
            required: false,
            shape: Shape::Integer,
        },
    ],
};

static HOST_ENTRY: Structure = Structure {
    name: "HostEntry",
    members: &[
        Member {
            name: "hostname",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "ipAddress",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static HOST_VOLUME_PROPERTIES: Structure = Structure {
    name: "HostVolumeProperties",
    members: &[Member {
        name: "sourcePath",
        required: false,
        shape: Shape::Text,
    }],
};

static INFERENCE_ACCELERATOR: Structure = Structure {
    name: "InferenceAccelerator",
    members: &[
        Member {
            name: "deviceName",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "deviceType",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static KERNEL_CAPABILITIES: Structure = Structure {
    name: "KernelCapabilities",
    members: &[
        Member {
            name: "add",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "drop",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
    ],
};

static KEY_VALUE_PAIR: Structure = Structure {
    name: "KeyValuePair",
    members: &[
        Member {
            name: "name",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "value",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static LINUX_PARAMETERS: Structure = Structure {
    name: "LinuxParameters",
    members: &[
        Member {
            name: "capabilities",
            required: false,
            shape: Shape::Structure(&KERNEL_CAPABILITIES),
        },
        Member {
            name: "devices",
            required: false,
            shape: Shape::List(&Shape::Structure(&DEVICE)),
        },
        Member {
            name: "initProcessEnabled",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "maxSwap",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "sharedMemorySize",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "swappiness",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "tmpfs",
            required: false,
            shape: Shape::List(&Shape::Structure(&TMPFS)),
        },
    ],
};

static LOG_CONFIGURATION: Structure = Structure {
    name: "LogConfiguration",
    members: &[
        Member {
            name: "logDriver",
            required: true,
            shape: Shape::Words(&[
                "json-file",
                "syslog",
                "journald",
                "gelf",
                "fluentd",
                "awslogs",
                "splunk",
                "awsfirelens",
            ]),
        },
        Member {
            name: "options",
            required: false,
            shape: Shape::Texts,
        },
        Member {
            name: "secretOptions",
            required: false,
            shape: Shape::List(&Shape::Structure(&SECRET)),
        },
    ],
};

static MOUNT_POINT: Structure = Structure {
    name: "MountPoint",
    members: &[
        Member {
            name: "containerPath",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "readOnly",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "sourceVolume",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static NVIDIA_MPS_ALLOCATION: Structure = Structure {
    name: "NvidiaMpsAllocation",
    members: &[
        Member {
            name: "maxComputePercent",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "memory",
            required: true,
            shape: Shape::Integer,
        },
    ],
};

static PORT_MAPPING: Structure = Structure {
    name: "PortMapping",
    members: &[
        Member {
            name: "appProtocol",
            required: false,
            shape: Shape::Words(&["http", "http2", "grpc"]),
        },
        Member {
            name: "containerPort",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "containerPortRange",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "hostPort",
            required: false,
            shape: Shape::Integer,
        },
        Member {
            name: "name",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "protocol",
            required: false,
            shape: Shape::Words(&["tcp", "udp"]),
        },
    ],
};

static PROXY_CONFIGURATION: Structure = Structure {
    name: "ProxyConfiguration",
    members: &[
        Member {
            name: "containerName",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "properties",
            required: false,
            shape: Shape::List(&Shape::Structure(&KEY_VALUE_PAIR)),
        },
        Member {
            name: "type",
            required: false,
            shape: Shape::Words(&["APPMESH"]),
        },
    ],
};

pub(crate) static REGISTER_TASK_DEFINITION_REQUEST: Structure = Structure {
    name: "RegisterTaskDefinitionRequest",
    members: &[
        Member {
            name: "containerDefinitions",
            required: true,
            shape: Shape::List(&Shape::Structure(&CONTAINER_DEFINITION)),
        },
        Member {
            name: "cpu",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "enableFaultInjection",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "ephemeralStorage",
            required: false,
            shape: Shape::Structure(&EPHEMERAL_STORAGE),
        },
        Member {
            name: "executionRoleArn",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "family",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "inferenceAccelerators",
            required: false,
            shape: Shape::List(&Shape::Structure(&INFERENCE_ACCELERATOR)),
        },
        Member {
            name: "ipcMode",
            required: false,
            shape: Shape::Words(&["host", "task", "none"]),
        },
        Member {
            name: "memory",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "networkMode",
            required: false,
            shape: Shape::Words(&["bridge", "host", "awsvpc", "none"]),
        },
        Member {
            name: "pidMode",
            required: false,
            shape: Shape::Words(&["host", "task"]),
        },
        Member {
            name: "placementConstraints",
            required: false,
            shape: Shape::List(&Shape::Structure(&TASK_DEFINITION_PLACEMENT_CONSTRAINT)),
        },
        Member {
            name: "proxyConfiguration",
            required: false,
            shape: Shape::Structure(&PROXY_CONFIGURATION),
        },
        Member {
            name: "requiresCompatibilities",
            required: false,
            shape: Shape::List(&Shape::Words(&[
                "EC2",
                "FARGATE",
                "EXTERNAL",
                "MANAGED_INSTANCES",
            ])),
        },
        Member {
            name: "runtimePlatform",
            required: false,
            shape: Shape::Structure(&RUNTIME_PLATFORM),
        },
        Member {
            name: "tags",
            required: false,
            shape: Shape::List(&Shape::Structure(&TAG)),
        },
        Member {
            name: "taskRoleArn",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "trustedExecutionConfiguration",
            required: false,
            shape: Shape::Structure(&TRUSTED_EXECUTION_CONFIGURATION),
        },
        Member {
            name: "volumes",
            required: false,
            shape: Shape::List(&Shape::Structure(&VOLUME)),
        },
    ],
};

static REPOSITORY_CREDENTIALS: Structure = Structure {
    name: "RepositoryCredentials",
    members: &[Member {
        name: "credentialsParameter",
        required: true,
        shape: Shape::Text,
    }],
};

static RESOURCE_REQUIREMENT: Structure = Structure {
    name: "ResourceRequirement",
    members: &[
        Member {
            name: "sharingStrategy",
            required: false,
            shape: Shape::Structure(&SHARING_STRATEGY),
        },
        Member {
            name: "type",
            required: true,
            shape: Shape::Words(&["GPU", "InferenceAccelerator", "NeuronDevice"]),
        },
        Member {
            name: "value",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static RUNTIME_PLATFORM: Structure = Structure {
    name: "RuntimePlatform",
    members: &[
        Member {
            name: "cpuArchitecture",
            required: false,
            shape: Shape::Words(&["X86_64", "ARM64"]),
        },
        Member {
            name: "operatingSystemFamily",
            required: false,
            shape: Shape::Words(&[
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
        },
    ],
};

static S3_FILES_VOLUME_CONFIGURATION: Structure = Structure {
    name: "S3FilesVolumeConfiguration",
    members: &[
        Member {
            name: "accessPointArn",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "fileSystemArn",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "rootDirectory",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "transitEncryptionPort",
            required: false,
            shape: Shape::Integer,
        },
    ],
};

static SECRET: Structure = Structure {
    name: "Secret",
    members: &[
        Member {
            name: "name",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "valueFrom",
            required: true,
            shape: Shape::Text,
        },
    ],
};

static SHARING_STRATEGY: Structure = Structure {
    name: "SharingStrategy",
    members: &[Member {
        name: "nvidiaMps",
        required: false,
        shape: Shape::Structure(&NVIDIA_MPS_ALLOCATION),
    }],
};

static SYSTEM_CONTROL: Structure = Structure {
    name: "SystemControl",
    members: &[
        Member {
            name: "namespace",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "value",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static TAG: Structure = Structure {
    name: "Tag",
    members: &[
        Member {
            name: "key",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "value",
            required: false,
            shape: Shape::Text,
        },
    ],
};

static TASK_DEFINITION_PLACEMENT_CONSTRAINT: Structure = Structure {
    name: "TaskDefinitionPlacementConstraint",
    members: &[
        Member {
            name: "expression",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "type",
            required: false,
            shape: Shape::Words(&["memberOf"]),
        },
    ],
};

static TMPFS: Structure = Structure {
    name: "Tmpfs",
    members: &[
        Member {
            name: "containerPath",
            required: true,
            shape: Shape::Text,
        },
        Member {
            name: "mountOptions",
            required: false,
            shape: Shape::List(&Shape::Text),
        },
        Member {
            name: "size",
            required: true,
            shape: Shape::Integer,
        },
    ],
};

static TRUSTED_EXECUTION_CONFIGURATION: Structure = Structure {
    name: "TrustedExecutionConfiguration",
    members: &[
        Member {
            name: "attestationPolicy",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "isolationMode",
            required: true,
            shape: Shape::Words(&["SHARED", "ISOLATED_SANDBOX", "CONFIDENTIAL_SANDBOX"]),
        },
    ],
};

static ULIMIT: Structure = Structure {
    name: "Ulimit",
    members: &[
        Member {
            name: "hardLimit",
            required: true,
            shape: Shape::Integer,
        },
        Member {
            name: "name",
            required: true,
            shape: Shape::Words(&[
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
        },
        Member {
            name: "softLimit",
            required: true,
            shape: Shape::Integer,
        },
    ],
};

static VOLUME: Structure = Structure {
    name: "Volume",
    members: &[
        Member {
            name: "configuredAtLaunch",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "dockerVolumeConfiguration",
            required: false,
            shape: Shape::Structure(&DOCKER_VOLUME_CONFIGURATION),
        },
        Member {
            name: "efsVolumeConfiguration",
            required: false,
            shape: Shape::Structure(&EFS_VOLUME_CONFIGURATION),
        },
        Member {
            name: "fsxWindowsFileServerVolumeConfiguration",
            required: false,
            shape: Shape::Structure(&F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION),
        },
        Member {
            name: "host",
            required: false,
            shape: Shape::Structure(&HOST_VOLUME_PROPERTIES),
        },
        Member {
            name: "name",
            required: false,
            shape: Shape::Text,
        },
        Member {
            name: "s3filesVolumeConfiguration",
            required: false,
            shape: Shape::Structure(&S3_FILES_VOLUME_CONFIGURATION),
        },
    ],
};

static VOLUME_FROM: Structure = Structure {
    name: "VolumeFrom",
    members: &[
        Member {
            name: "readOnly",
            required: false,
            shape: Shape::Flag,
        },
        Member {
            name: "sourceContainer",
            required: false,
            shape: Shape::Text,
        },
    ],
};
