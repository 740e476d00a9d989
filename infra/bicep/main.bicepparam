// What `azd` reads: everything comes from the azd environment (`azd env set NAME value`), so one file serves any number of environments.
// Lists have commas between; settings and tags are JSON.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param size = readEnvironmentVariable('AFB_SIZE', 'dev')
param catalogueSize = readEnvironmentVariable('AFB_CATALOGUE_SIZE', '')
param privateNetwork = readEnvironmentVariable('AFB_PRIVATE_NETWORK', '')
param addressSpace = readEnvironmentVariable('AFB_ADDRESS_SPACE', '10.211.0.0/22')
param allowedRanges = filter(split(readEnvironmentVariable('AFB_ALLOWED_RANGES', ''), ','), item => !empty(item))
param entraClientId = readEnvironmentVariable('AFB_ENTRA_CLIENT_ID', '')
// Whoever deploys, unless somebody else is named.
param firstAdmin = empty(readEnvironmentVariable('AFB_FIRST_ADMIN', ''))
  ? readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
  : readEnvironmentVariable('AFB_FIRST_ADMIN', '')
param publicOrigin = readEnvironmentVariable('AFB_PUBLIC_ORIGIN', '')
param catalogueAdminsId = readEnvironmentVariable('AFB_CATALOGUE_ADMINS_ID', '')
param catalogueAdminsName = readEnvironmentVariable('AFB_CATALOGUE_ADMINS_NAME', '')
param durableTask = readEnvironmentVariable('AFB_DURABLE_TASK', 'storage')
param contentTier = readEnvironmentVariable('AFB_CONTENT_TIER', 'hot')
param vaultRedundancy = readEnvironmentVariable('AFB_VAULT_REDUNDANCY', '')
param immutableDays = int(readEnvironmentVariable('AFB_IMMUTABLE_DAYS', '0'))
param customerKey = bool(readEnvironmentVariable('AFB_CUSTOMER_KEY', 'false'))
param alertRecipients = filter(split(readEnvironmentVariable('AFB_ALERT_RECIPIENTS', ''), ','), item => !empty(item))
param monthlyBudget = int(readEnvironmentVariable('AFB_MONTHLY_BUDGET', '0'))
param secretSettings = filter(split(readEnvironmentVariable('AFB_SECRET_SETTINGS', ''), ','), item => !empty(item))
param moreSettings = json(readEnvironmentVariable('AFB_MORE_SETTINGS', '{}'))
param tags = json(readEnvironmentVariable('AFB_TAGS', '{}'))
