metadata name = 'Endpoints'
metadata description = '''What modules that have private endpoints are told about the network. A definition, no resource.

Owns: nothing.
Does not own: the network (network.bicep), or any endpoint.'''

@export()
@description('Where a service puts its private endpoints. Empty strings: nowhere, and the service is reached by its public endpoint.')
type placeType = {
  @description('Required. Subnet of private endpoints; empty without a private network.')
  subnetId: string

  @description('Required. DNS zones by service: blob, queue, table, vault.')
  zoneIds: object
}

@export()
@description('The private endpoints of a storage account for some of its services, as the verified module takes them; none without a private network.')
func endpointsOf(place placeType, services string[]) array =>
  empty(place.subnetId)
    ? []
    : map(services, service => {
        service: service
        subnetResourceId: place.subnetId
        lock: { kind: 'None' } // else a lock on the account is one on its endpoints, too
        privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: place.zoneIds[service] }] }
      })
