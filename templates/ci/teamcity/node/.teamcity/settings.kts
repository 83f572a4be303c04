import jetbrains.buildServer.configs.kotlin.*
import jetbrains.buildServer.configs.kotlin.buildFeatures.approval
import jetbrains.buildServer.configs.kotlin.buildFeatures.perfmon
import jetbrains.buildServer.configs.kotlin.buildFeatures.provideAwsCredentials
import jetbrains.buildServer.configs.kotlin.buildSteps.script
import jetbrains.buildServer.configs.kotlin.triggers.vcs

/*
 * Thin on purpose: what happens is in longshore.toml and runs on any machine in the same way. An agent needs
 * `longshore` and Node 20 or newer.
 */
version = "2025.11"

/** An environment, the gitflow branches that are released to it, and who must agree. */
enum class Environment(val word: String, val branches: String, val approvers: String?) {
    DEV("dev", "+:develop", null),
    QA("qa", "+:release/*", null),
    PROD("prod", "+:main", "group:RELEASE:1"),
}

project {
    buildType(Test)
    buildType(Image)
    Environment.values().forEach { buildType(Deploy(it)) }
}

/** Every branch. The tests themselves are reported by service messages. */
object Test : BuildType({
    name = "Test"
    vcs { root(DslContext.settingsRoot); cleanCheckout = true }
    // coverage.zip at the top of the artifacts, with its index.html at its own top, becomes the tab "Code Coverage".
    artifactRules = ".longshore/dev/coverage.zip\n.longshore/dev/test-report.json"
    steps {
        script { name = "Packages"; scriptContent = "npm ci" }
        script { name = "Test"; scriptContent = "longshore test --env dev" }
    }
    triggers { vcs { branchFilter = "+:*" } }
    features { perfmon {} }
    failureConditions { executionTimeoutMin = 60; testFailure = true; nonZeroExitCode = true }
})

/** Built and pushed once for each release branch; every environment gets the same image by its digest. */
object Image : BuildType({
    name = "Image"
    vcs { root(DslContext.settingsRoot); cleanCheckout = true }
    steps {
        script { name = "Packages"; scriptContent = "npm ci" }
        script { name = "Build"; scriptContent = "longshore deploy --env dev --from build --until push" }
    }
    features {
        provideAwsCredentials { awsConnectionId = "longshore" }
    }
    dependencies {
        snapshot(Test) { onDependencyFailure = FailureAction.FAIL_TO_START }
    }
})

class Deploy(environment: Environment) : BuildType({
    id("Deploy_${environment.word}")
    name = "Deploy to ${environment.word}"
    type = Type.DEPLOYMENT
    // A release is never overtaken by another one, and never cut off half-way.
    maxRunningBuilds = 1
    vcs { root(DslContext.settingsRoot); branchFilter = environment.branches }
    artifactRules = ".longshore/${environment.word}/report.html\n.longshore/${environment.word}/coverage.zip"
    steps {
        script { name = "Packages"; scriptContent = "npm ci" }
        script { name = "Deploy"; scriptContent = "longshore deploy --env ${environment.word} --yes" }
    }
    triggers { vcs { branchFilter = environment.branches } }
    features {
        provideAwsCredentials { awsConnectionId = "longshore" }
        environment.approvers?.let { approval { approvalRules = it } }
    }
    failureConditions { executionTimeoutMin = 120; nonZeroExitCode = true }
    dependencies {
        snapshot(Image) { onDependencyFailure = FailureAction.FAIL_TO_START }
    }
})
