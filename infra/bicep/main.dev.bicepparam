// An environment that may be thrown away, without azd: az deployment sub create --location westeurope --parameters infra/bicep/main.dev.bicepparam
using 'main.bicep'

param environmentName = 'dev'
param location = 'westeurope'
param size = 'dev'
param tags = { purpose: 'development' }
