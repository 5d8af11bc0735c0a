// Members of what files hold: which there are.
#include "core/fortran/file_members.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace locum::fortran {

locum_status about(const Text& path, locum_status refused) noexcept {
  std::array<char, 400> text;
  std::snprintf(text.data(), text.size(), "%s", refusal());
  return refuse(refused, "%s [key %.100s]", text.data(), path.c_str());
}

locum_status no_array(const locum_array& record) noexcept {
  std::int32_t kind = LOCUM_RECORD_NULL;
  const auto visit = [](const locum_record_item* item, void* into) {
    *static_cast<std::int32_t*>(into) = item->kind;
    return LOCUM_OK;
  };
  if (const auto status = locum_record_each(&record, 0, visit, &kind); status != LOCUM_OK) {
    return outcome(status);
  }
  if (kind == LOCUM_RECORD_MEMBERS) {
    return refuse(LOCUM_TYPE_MISMATCH,
                  "these are members under names, and a call loads one of them; name it as in "
                  "member='solver/steps'; files%%members lists them");
  }
  return refuse(
      LOCUM_TYPE_MISMATCH, "%s",
      kind == LOCUM_RECORD_LIST
          ? "this is a list of values; load numbers of JSON with options='arrays=true', which makes "
            "an array of them, and get texts by files%read into an array of characters"
          : "this is null, or a stand-in for an object elsewhere, which Fortran does not load");
}

namespace {

// Names of members: how many, and the longest; or where the next one is copied to.
struct NamesOfMembers {
  bool has_members = false;
  std::size_t count = 0;
  std::size_t longest = 0;
  char* next = nullptr;
};

locum_status take_member(const locum_record_item* item, void* context) {
  auto& names = *static_cast<NamesOfMembers*>(context);
  if (item->depth == 0) {
    names.has_members = item->kind == LOCUM_RECORD_MEMBERS;
    return LOCUM_OK;
  }
  const std::size_t length = item->name.length;
  if (names.next != nullptr) {
    std::memcpy(names.next, item->name.first, length);
    std::memset(names.next + length, ' ', names.longest - length);
    names.next += names.longest;
  } else {
    ++names.count;
    names.longest = std::max(names.longest, length);
  }
  return LOCUM_OK;
}

locum_status no_members() noexcept {
  return refuse(LOCUM_TYPE_MISMATCH, "there are no members, but one value; load it without a name");
}

}  // namespace

locum_status count_members(View& loaded, std::size_t& count, std::size_t& longest) noexcept {
  if (loaded.view.array.type != LOCUM_ENCODED) {
    return drop(loaded, no_members());
  }
  NamesOfMembers names;
  const locum_status status = locum_record_each(&loaded.view.array, 1, take_member, &names);
  if (status != LOCUM_OK) {
    return drop(loaded, outcome(status));
  }
  if (!names.has_members) {
    return drop(loaded, no_members());
  }
  count = names.count;
  longest = names.longest;
  return LOCUM_OK;
}

}  // namespace locum::fortran

using namespace locum::fortran;

extern "C" {

// The view holds the members until locum_fortran_members_take() has copied their names.
locum_status locum_fortran_files_members(locum_files files, const char* path, std::size_t length,
                                         const char* format, std::size_t format_length, const char* options,
                                         std::size_t options_length, const char* backend,
                                         std::size_t backend_length, const double* within, const char* member,
                                         std::size_t member_length, View* view, std::size_t* count,
                                         std::size_t* longest) {
  *count = 0;
  *longest = 0;
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, within,
                          member, member_length);
  return load_file(files, Text(path, length), given, *view,
                   [=](View& loaded) { return count_members(loaded, *count, *longest); });
}

// `into`: memory for the names, each of the length of the longest.
locum_status locum_fortran_members_take(View* view, std::size_t longest, char* into) {
  NamesOfMembers names;
  names.longest = longest;
  names.next = into;
  const locum_status status = locum_record_each(&view->view.array, 1, take_member, &names);
  return drop(*view, outcome(status));
}

}  // extern "C"
