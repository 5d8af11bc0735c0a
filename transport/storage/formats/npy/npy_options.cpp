#include "transport/storage/formats/npy/npy_options.hpp"

#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

Result<NpyOptions> npy_options_of(const Record& options) {
  const FormatOptions given(options);
  const auto half = given.word("half", {"f32"}, "f32");
  if (!half) {
    return half.error();
  }
  const auto times = given.word("times", {"i64"}, "i64");
  if (!times) {
    return times.error();
  }
  const auto columns = given.flag("columns", false);
  if (!columns) {
    return columns.error();
  }
  return NpyOptions{
      .half_as_f32 = given.has("half"), .times_as_i64 = given.has("times"), .columns = *columns};
}

}  // namespace locum::storage
