"""Writes src/model/table.rs from botocore's model of ECS: python model/generate.py > src/model/table.rs"""

import re

import botocore
import botocore.session

shapes = botocore.session.get_session().get_service_model("ecs")
service = shapes.metadata["serviceId"], shapes.api_version


def constant(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


structures = {}


def shape(of):
    kind = of.type_name
    if kind == "structure":
        visit(of)
        return f"Shape::Structure(&{constant(of.name)})"
    if kind == "list":
        return f"Shape::List(&{shape(of.member)})"
    if kind == "map":
        return "Shape::Texts"
    if kind == "string" and of.enum:
        words = ", ".join(f'"{word}"' for word in of.enum)
        return f"Shape::Words(&[{words}])"
    return {"string": "Shape::Text", "integer": "Shape::Integer", "boolean": "Shape::Flag"}[kind]


def visit(of):
    if of.name in structures:
        return
    structures[of.name] = None
    members = [
        f'{"required" if name in of.required_members else "optional"}("{name}", {shape(member)})'
        for name, member in sorted(of.members.items())
    ]
    structures[of.name] = members


visit(shapes.operation_model("RegisterTaskDefinition").input_shape)
print(f"//! What RegisterTaskDefinition takes. Written by model/generate.py from botocore {botocore.__version__},")
print(f"//! data/ecs/{shapes.api_version}/service-2.json; not to be edited by hand.")
print()
print("use super::{Shape, Structure, optional, required};")
for name, members in sorted(structures.items()):
    print()
    public = "pub(crate) " if name == "RegisterTaskDefinitionRequest" else ""
    print(f"{public}static {constant(name)}: Structure = Structure {{ name: \"{name}\", members: &[")
    for member in members:
        print(f"    {member},")
    print("]};")
