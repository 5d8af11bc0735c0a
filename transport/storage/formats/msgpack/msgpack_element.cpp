#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> msgpack_types{{{"b1", "bool"},
                                                                                       {"i1", "i8"},
                                                                                       {"i2", "i16"},
                                                                                       {"i4", "i32"},
                                                                                       {"i8", "i64"},
                                                                                       {"u1", "u8"},
                                                                                       {"u2", "u16"},
                                                                                       {"u4", "u32"},
                                                                                       {"u8", "u64"},
                                                                                       {"f4", "f32"},
                                                                                       {"f8", "f64"},
                                                                                       {"c8", "c64"},
                                                                                       {"c16", "c128"}}};

constexpr char msgpack_byte_order = std::endian::native == std::endian::little ? '<' : '>';

}  // namespace

Result<MsgpackElement> msgpack_element(std::string_view numpy_name) {
  const char order = numpy_name.empty() ? '\0' : numpy_name.front();
  for (const auto& [numpy, name] : msgpack_types) {
    const bool has_no_order = numpy.ends_with('1');
    const bool is_known_order = order == '<' || order == '>' || (order == '|' && has_no_order);
    if (is_known_order && numpy_name.substr(1) == numpy) {
      auto type = ElementType::named(name);
      if (!type) {
        return type.error();
      }
      return MsgpackElement{.type = std::move(*type),
                            .is_swapped = !has_no_order && order != msgpack_byte_order};
    }
  }
  return Error(Errc::unsupported, "an array has elements of NumPy's type '" +
                                      std::string(numpy_name.substr(0, 32)) +
                                      "'; numbers, complex numbers and truth values can be loaded");
}

std::string msgpack_numpy_name(const ElementType& element) {
  // Bytes and characters have no name of their own there.
  for (const auto& [numpy, name] : msgpack_types) {
    if (name == element.name()) {
      return std::string(1, numpy.ends_with('1') ? '|' : msgpack_byte_order).append(numpy);
    }
  }
  return {};
}

}  // namespace locum::storage
