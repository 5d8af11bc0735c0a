#include "transport/storage/c/file_options.hpp"

#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "transport/storage/c/format_options.hpp"
#include "transport/storage/c/values.hpp"

namespace locum::c {

namespace {

/// Returns the options of the format.
Result<Record> format_options_of(const locum_file_options& options) {
  if (options.record == nullptr) {
    return format_options_in(text_or_none(options.options));
  }
  if (options.options != nullptr) {
    return Error(Errc::invalid_argument,
                 "the options of a format are given as a text and as a Record; give one of these");
  }
  return stored_record(*options.record);
}

}  // namespace

Result<LoadOptions> loading(const locum_file_options* options, bool gives_members) {
  require_known(options);
  if (options == nullptr) {
    return LoadOptions();
  }
  if (asks_for_member(options) && !gives_members) {
    return Error(Errc::invalid_argument,
                 "this call takes no option 'member'; give it to a load that returns what is loaded");
  }
  auto of_format = format_options_of(*options);
  if (!of_format) {
    return of_format.error();
  }
  return LoadOptions{.format = text_or_none(options->format),
                     .options = *std::move(of_format),
                     .map = options->map != 0,
                     .backend = text_or_none(options->backend),
                     .deadline = limit_of(options->deadline_s)};
}

Asked::Asked(const locum_file_options* options)
    : member_(asks_for_member(options) ? std::optional<std::string>(options->member) : std::nullopt),
      is_mapped_(options != nullptr && options->map != 0) {}

Result<Record> Asked::of(Result<Record> loaded, std::string_view path) const {
  if (!loaded || !member_) {
    return loaded;
  }
  auto member = member_at(*loaded, *member_);
  if (!member) {
    return member.error().about(path);
  }
  const Array array = member->array();
  if (!array || array.is_contiguous() || is_mapped_) {
    return member;
  }
  auto packed = array.packed();  // as all that is loaded without `map`
  return packed ? Result<Record>(Record(*std::move(packed))) : packed.error().about(path);
}

}  // namespace locum::c
