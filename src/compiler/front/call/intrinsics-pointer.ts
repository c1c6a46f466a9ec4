/** Intrinsics for pointers: addresses, casts, fields and their containers. */
import { convert } from "../lower/convert.ts";
import { type Call, u32Of, value } from "./intrinsics.ts";
import { memberHint } from "../spelling.ts";
import { fieldType, findField, layoutOf } from "../types/layout.ts";
import type { Operand } from "../lower/operand.ts";
import { isAddressOperand } from "../lower/places.ts";
import { resolveType } from "../types/type-nodes.ts";
import {
  LITERAL,
  type Type,
  U32,
  classType,
  isAddress,
  sameType,
  typeName,
  valueTypeOf,
} from "../types/types.ts";
import type TS from "typescript";

function typeArgument(c: Call): Type {
  const node = c.node.typeArguments?.[0];
  if (!node) return c.f.diagnostics.fail(c.node, "K028", "T", c.node.expression.getText());
  return resolveType(c.f.unit, node, c.scope.activation);
}

// ---- pointers ----
export function lowerCast(c: Call): Operand {
  const type = typeArgument(c);
  const address = convert(c.f, value(c, 0, U32), U32, c.args[0]!);
  if (!isAddress(type))
    return c.f.diagnostics.fail(
      c.node,
      "K040",
      "an address",
      typeName(type),
      "cast<T> is for classes, Ptr, FixedArray and functions; integers convert by u32(x)",
    );
  const name = (c.node.expression as TS.Identifier).text;
  return {
    type: name === "castOrNull" && "nullable" in type ? { ...type, nullable: true } : type,
    words: address.words,
  };
}

export function lowerAddr(c: Call): Operand {
  const a = value(c, 0);
  if (a.type.kind === "error") return c.f.diagnostics.stop();
  if (!isAddressOperand(a))
    return c.f.diagnostics.fail(
      c.args[0]!,
      "K040",
      typeName(a.type),
      "an address",
      "addr takes a structure, an array, a string or a function",
    );
  return u32Of(a.words[0]!);
}

function lowerFieldOf(c: Call): {
  readonly cls: Operand;
  readonly offset: number;
  readonly type: Type;
} {
  const cls = value(c, 0);
  const name = value(c, 1).text;
  if (!cls.cls)
    return c.f.diagnostics.fail(
      c.args[0]!,
      "K040",
      typeName(cls.type),
      "a class",
      "name the class",
    );
  if (name === undefined)
    return c.f.diagnostics.fail(c.args[1]!, "K040", "this", "a field name", "write it as a string");
  const type = classType(cls.cls);
  const field = findField(c.f.unit, type, name);
  if (!field)
    return c.f.diagnostics.fail(
      c.args[1]!,
      "K021",
      cls.cls.name,
      name,
      memberHint(name, layoutOf(c.f.unit, cls.cls).fields.keys()),
    );
  return { cls, offset: field.offset, type: fieldType(c.f.unit, type, field) };
}

export function lowerOffsetOf(c: Call): Operand {
  return {
    type: LITERAL,
    words: [],
    literal: { value: BigInt(lowerFieldOf(c).offset), bits: false },
  };
}

export function lowerContainerOf(c: Call): Operand {
  const { cls, offset, type } = lowerFieldOf(c);
  const member = value(c, 2);
  if (member.type.kind === "error") return c.f.diagnostics.stop();
  const wanted = valueTypeOf(type);
  if (!sameType(member.type, wanted)) {
    c.f.diagnostics.fail(
      c.args[2]!,
      "K040",
      typeName(member.type),
      typeName(wanted),
      "the pointer must point to this very field",
    );
  }
  c.f.at(c.node, c.scope);
  return {
    type: classType(cls.cls!),
    words: [c.f.b.binary("add", member.words[0]!, c.f.b.constant(-offset))],
  };
}
