#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Returns the format of checkpoints of torch (PyTorch): tensors, and plain values around them, as
/// torch.save() writes them since version 1.6. Needs zlib. Nothing of a file is executed: calls of other
/// functions than those that make tensors and plain values are errors that name them.
///
/// Loads dicts as members; lists, tuples and torch.Size as lists; None, bool, int, float, complex, str and
/// bytes; a torch.device and a dtype as texts. A tensor becomes an array with its strides; a storage that
/// several share is read once, and shared by their arrays. A parameter becomes its tensor: whether its
/// gradient is wanted, the device of a tensor, and the versions of modules in a state_dict() are left out.
/// Elements of a mapped file stay there, if they are aligned, and their checksums are not compared; those of
/// a tensor that has its storage alone are read to the memory that is made for them. Errors are: integers
/// beyond 64 bits, sets, sparse and quantized tensors, classes of the program, values that contain
/// themselves, values nested more than 256 levels deep, and 64 MiB of plain values.
///
/// Saves what it loads, so that torch.load(weights_only=True) reads it; arrays as dense tensors, those that
/// share their elements as tensors that share a storage. Plain complex numbers and bytes need a later torch.
[[nodiscard]] std::shared_ptr<const Format> torch_format();

}  // namespace locum::storage
