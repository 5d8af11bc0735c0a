#include "core/record_of.hpp"

#include <cstring>
#include <string>

#include "core/detail/session_state.hpp"
#include "core/record_archive.hpp"

namespace locum::detail {

namespace {

/// Returns a flat value as what a Record has of its own; a class, or one that has none, as an Array.
Record flat_value(const Array& one) {
  const std::string& type = one.element().name();
  const auto is = [&]<class T>(std::type_identity<T> /*type*/) { return type == TypeName<T>::value; };
  const auto value = [&]<class T>(std::type_identity<T> /*type*/) {
    T number;
    std::memcpy(&number, one.data(), sizeof number);
    return number;
  };
  Record made = one;
  const auto take = [&]<class... T>(std::type_identity<T>... types) {
    static_cast<void>(((is(types) ? (made = value(types), true) : false) || ...));
  };
  take(std::type_identity<double>(), std::type_identity<float>(), std::type_identity<std::int64_t>(),
       std::type_identity<std::uint64_t>(), std::type_identity<std::int32_t>(),
       std::type_identity<std::uint32_t>(), std::type_identity<std::int16_t>(),
       std::type_identity<std::uint16_t>(), std::type_identity<std::int8_t>(),
       std::type_identity<std::uint8_t>(), std::type_identity<std::complex<double>>());
  if (is(std::type_identity<bool>())) {
    made = *one.data() != std::byte{0};
  }
  return made;
}

}  // namespace

Result<Record> record_of(SessionState& session, const RawView& object) {
  const auto info = object.info();
  if (!info) {
    return info.error();
  }
  if (info->type == TypeName<Record>::value && info->codec.empty()) {
    const auto pin = std::make_shared<const RawView>(object);
    auto record = decode_record(pin, pin->bytes(), weak(session));
    return record ? std::move(record) : session.explain(Address(object.key()), record.error());
  }
  if (info->type == TypeName<std::string>::value && info->codec.empty()) {
    const auto bytes = object.bytes();
    return Record(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  const auto array = Array::of(object);
  if (!array) {
    return array.error();
  }
  return info->layout == Layout::flat ? flat_value(*array) : Record(*array);
}

}  // namespace locum::detail
