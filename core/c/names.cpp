// Lists of names that the caller releases.
#include "core/c/names.hpp"

#include <memory>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"

using namespace locum::c;

namespace {

/// What a locum_names owns.
struct NameList {
  std::vector<std::string> texts;
  std::vector<locum_text> names;
};

}  // namespace

namespace locum::c {

locum_status give_names(Result<std::vector<std::string>>&& found, locum_names& names) {
  if (!found) {
    return failed(found.error());
  }
  auto list = std::make_unique<NameList>();
  list->texts = *std::move(found);
  list->names.reserve(list->texts.size());
  for (const std::string& text : list->texts) {
    list->names.push_back(text_of(text));
  }
  names.count = list->names.size();
  names.names = list->names.data();
  names.library = list.release();
  return LOCUM_OK;
}

}  // namespace locum::c

locum_status locum_names_release(locum_names* names) {
  return guarded([&] {
    if (names == nullptr) {
      return is_null("names");
    }
    delete static_cast<NameList*>(names->library);
    *names = {};
    return LOCUM_OK;
  });
}
