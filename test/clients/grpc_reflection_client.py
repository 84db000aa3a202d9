"""Asks a server for its services, as grpcurl does: health and reflection; arguments: host:port."""

import sys

import grpc
from checks import check, expect, run
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


@check
def services_are_listed_and_described(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    expect("inference.GRPCInferenceService" in database.get_services(), True)
    service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
    expect(len(service.methods), 20)
    response = service.FindMethodByName("ModelConfig").output_type
    expect(response.fields_by_name["config"].message_type.full_name, "inference.ModelConfig")


@check
def health_is_checked_and_not_watched(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    expect(stub.Check(health_pb2.HealthCheckRequest()).status, health_pb2.HealthCheckResponse.SERVING)
    try:
        next(iter(stub.Watch(health_pb2.HealthCheckRequest())))
    except grpc.RpcError as error:
        expect(error.code(), grpc.StatusCode.UNIMPLEMENTED)
    else:
        raise AssertionError("Watch answered")


with grpc.insecure_channel(sys.argv[1]) as connection:
    run(connection)
