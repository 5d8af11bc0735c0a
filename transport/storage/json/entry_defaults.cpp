#include "transport/storage/json/entry_defaults.hpp"

#include "core/backend/record_names.hpp"

namespace locum::storage {

std::string_view layout_name(Layout layout) noexcept {
  switch (layout) {
    case Layout::bytes:
      return "bytes";
    case Layout::flat:
      return "flat";
    case Layout::array:
      return "array";
    case Layout::encoded:
      return "encoded";
  }
  return {};
}

Layout usual_layout(std::string_view type) noexcept {
  return type.ends_with("[]")                                     ? Layout::array
         : type == json_record_type || type.ends_with(json_codec) ? Layout::encoded
         : type.empty()                                           ? Layout::bytes
                                                                  : Layout::flat;
}

std::string_view element_of(std::string_view type) noexcept {
  type.remove_suffix(type.ends_with("[]") ? 2 : 0);
  return type;
}

std::string usual_name(std::string_view record) {
  return RecordNames::is_hashed(record) ? std::string() : RecordNames::name_in(record).value_or("");
}

}  // namespace locum::storage
