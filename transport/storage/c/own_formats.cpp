// Formats of files whose functions are the program's own.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/format_registry.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/lent.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/files/format_list.hpp"

namespace locum::c {

namespace {

struct Loading {
  FileBytes* file = nullptr;
  const MakeArray* make = nullptr;
  std::vector<ArrayDraft> made;
  std::optional<Record> value;
};

struct Saving {
  FileDraft* file = nullptr;
};

}  // namespace

class LoadedFile : public Lent<Loading> {
  using Lent::Lent;
};

class SavedFile : public Lent<Saving> {
  using Lent::Lent;
};

namespace {

constexpr std::string_view letters_of_names = "abcdefghijklmnopqrstuvwxyz0123456789_-";
constexpr std::size_t longest_text = 64;

/// A format whose functions are those that a program gave. It keeps copies of their texts.
class ProgramFormat final : public Format {
 public:
  explicit ProgramFormat(const locum_format& calls)
      : calls_(calls), name_(calls.name), holds_(calls.holds == nullptr ? "" : calls.holds) {
    for (const char* const* ending = calls.endings; *ending != nullptr; ++ending) {
      endings_.emplace_back(*ending);
    }
    for (auto* option = calls.options; option != nullptr && option->name != nullptr; ++option) {
      options_.emplace_back(option->name, option->meaning == nullptr ? "" : option->meaning);
    }
    shown_endings_.assign(endings_.begin(), endings_.end());
    for (const auto& [name, meaning] : options_) {
      shown_options_.push_back({name, meaning});
    }
    traits_ = {.name = name_,
               .endings = shown_endings_,
               .holds = holds_,
               .options = shown_options_,
               .loads = calls.load != nullptr,
               .saves = calls.save != nullptr};
  }

  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    return calls_.recognises != nullptr && calls_.recognises(first.data(), first.size(), calls_.context);
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    if (calls_.load == nullptr) {
      return Error(Errc::unsupported, "the format " + name_ + " is written, and not read");
    }
    return value_by(calls_.load, file, options, make);
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    const auto given = described(value);
    const auto chosen = given ? described_as_record(options) : Result<DescribedValue>(given.error());
    if (!chosen) {
      return chosen.error();
    }
    const auto saved = lend<locum_file_draft>(saved_files(), Saving{&file}, [&](locum_file_draft handle) {
      return calls_.save(&given->array, handle, &chosen->array, calls_.context);
    });
    return saved ? Result<void>() : Result<void>(saved.error());
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    if (calls_.info == nullptr) {
      return Record::members({});
    }
    auto told = value_by(calls_.info, file, options, &ArrayDraft::make);
    if (told && told->kind() != Record::Kind::members) {
      return Error(Errc::invalid_argument,
                   "the function info of the format " + name_ + " has given no members; give a Record");
    }
    return told;
  }

 private:
  using Function = locum_status (*)(locum_file_bytes, const locum_array*, void*);

  [[nodiscard]] Result<Record> value_by(Function function, FileBytes& file, const Record& options,
                                        const MakeArray& make) const {
    const auto chosen = described_as_record(options);
    if (!chosen) {
      return chosen.error();
    }
    auto loaded = lend<locum_file_bytes>(
        loaded_files(), Loading{&file, &make, {}, {}},
        [&](locum_file_bytes handle) { return function(handle, &chosen->array, calls_.context); });
    if (!loaded) {
      return loaded.error();
    }
    return loaded->value
               ? *std::move(loaded->value)
               : Result<Record>(Error(Errc::invalid_argument,
                                      "a function of the format " + name_ +
                                          " has given no value; let it give one before it returns"));
  }

  const locum_format calls_;
  const std::string name_;
  const std::string holds_;
  std::vector<std::string> endings_;
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string_view> shown_endings_;
  std::vector<FormatOption> shown_options_;
  FormatTraits traits_;
};

Error wrong_format(const std::string& why) {
  return Error(Errc::invalid_argument, "this format " + why);
}

Result<void> check_format(const locum_format& format) {
  if (format.name == nullptr || format.endings == nullptr ||
      (format.load == nullptr && format.save == nullptr)) {
    return wrong_format("lacks its name, its endings, or both of load and save; set them");
  }
  const std::string_view name = format.name;
  if (name.empty() || name.size() > longest_text || name.find_first_not_of(letters_of_names) != name.npos) {
    return wrong_format("is named '" + std::string(name.substr(0, longest_text)) +
                        "'; a name has 1 to 64 lower-case letters, digits, _ and -");
  }
  for (const char* const* each = format.endings; *each != nullptr; ++each) {
    const std::string_view ending = *each;
    if (ending.size() < 2 || ending.size() > longest_text || ending.front() != '.' ||
        std::ranges::any_of(ending,
                            [](char letter) { return letter == '/' || (letter >= 'A' && letter <= 'Z'); })) {
      return wrong_format("has the ending '" + std::string(ending.substr(0, longest_text)) +
                          "'; an ending is a dot and up to 63 bytes, in lower case and without /")
          .about(name);
    }
  }
  return {};
}

/// Returns the error of a format whose name or ending is taken.
Error format_taken(const FormatTraits& traits) {
  std::string taken = "the name";
  const auto is_taken = [](std::string_view ending) {
    const auto format = format_of(ending);
    return format != nullptr &&
           std::ranges::find(format->traits().endings, ending) != format->traits().endings.end();
  };
  if (format_named(traits.name) == nullptr) {
    const auto ending = std::ranges::find_if(traits.endings, is_taken);
    taken = ending == traits.endings.end() ? "an ending" : "the ending " + std::string(*ending);
  }
  return Error(Errc::key_exists, "there is a format that has " + taken + " of this one; choose another")
      .about(traits.name);
}

constexpr const char* kind_of_loaded = "file that is being loaded";
constexpr const char* kind_of_saved = "file that is being saved";

template <class Body>
locum_status on_loaded(locum_file_bytes file, Body body) noexcept {
  return on(loaded_files(), file, kind_of_loaded,
            [&](const std::shared_ptr<LoadedFile>& lent) { return lent->use(kind_of_loaded, body); });
}

template <class Body>
locum_status on_saved(locum_file_draft file, Body body) noexcept {
  return on(saved_files(), file, kind_of_saved,
            [&](const std::shared_ptr<SavedFile>& lent) { return lent->use(kind_of_saved, body); });
}

std::span<const std::byte> bytes_at(const void* bytes, std::size_t count) noexcept {
  return {static_cast<const std::byte*>(bytes), count};
}

/// Returns the value in memory that outlives the call.
Result<Record> kept_value(Loading& loading, const locum_array& value) {
  if (value.type == LOCUM_ENCODED) {
    const auto encoded = encoded_memory_of(value);
    const auto checked = stored_record(value);
    if (!checked || !encoded) {
      return checked ? encoded.error() : checked.error();
    }
    // Without an owner the arrays are copied.
    return decode_record({}, bytes_at(value.data, static_cast<std::size_t>(encoded->size_bytes)), {});
  }
  auto given = record_in(value);
  const Array array = given ? given->array() : Array();
  if (!array) {
    return given;
  }
  const auto made = std::ranges::find_if(loading.made, [&](const ArrayDraft& draft) {
    return draft.bytes().data() == array.data() && draft.bytes().size() == array.size_bytes() &&
           draft.element() == array.element() && draft.extents() == array.extents() && array.is_contiguous();
  });
  if (made != loading.made.end()) {
    return Record(std::move(*made).finish());
  }
  if (array.extents().size() == 0) {
    auto copy = Array::copy_of(array.raw());
    return copy ? Result<Record>(*std::move(copy)) : copy.error();
  }
  auto draft = (*loading.make)(array.element(), array.extents());
  if (!draft) {
    return draft.error();
  }
  detail::pack(array.raw().memory(), draft->bytes().data());
  return Record(std::move(*draft).finish());
}

}  // namespace

}  // namespace locum::c

using namespace locum;
using namespace locum::c;

locum_status locum_register_format(const locum_format* format) {
  return guarded([&] {
    if (format == nullptr) {
      return is_null("format");
    }
    require_known(format);
    if (auto right = check_format(*format); !right) {
      return failed(right.error());
    }
    storage::register_own_formats();  // whose names stay theirs
    const auto made = std::make_shared<const ProgramFormat>(*format);
    return register_format(made) ? LOCUM_OK : failed(format_taken(made->traits()));
  });
}

locum_status locum_file_bytes_size(locum_file_bytes file, uint64_t* size) {
  clear(size);
  return on_loaded(file, [&](Loading& loading) {
    if (size == nullptr) {
      return is_null("size");
    }
    *size = loading.file->size_bytes();
    return LOCUM_OK;
  });
}

locum_status locum_file_bytes_path(locum_file_bytes file, const char** path) {
  clear(path);
  return on_loaded(file, [&](Loading& loading) {
    if (path == nullptr) {
      return is_null("path");
    }
    *path = loading.file->path().c_str();
    return LOCUM_OK;
  });
}

locum_status locum_file_bytes_read(locum_file_bytes file, uint64_t offset, void* into, size_t count) {
  return on_loaded(file, [&](Loading& loading) {
    return into == nullptr && count > 0
               ? is_null("into")
               : status_of(loading.file->read(offset, {static_cast<std::byte*>(into), count}));
  });
}

locum_status locum_file_bytes_view(locum_file_bytes file, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_loaded(file, [&](Loading& loading) {
    if (view == nullptr) {
      return is_null("view");
    }
    auto shown = loading.file->in_place();
    if (!shown) {
      return failed(shown.error());
    }
    locum_array array{};
    array.type = LOCUM_BYTE;
    array.rank = 1;
    array.extents[0] = static_cast<std::int64_t>(shown->bytes.size());
    array.strides[0] = 1;
    array.data = const_cast<std::byte*>(shown->bytes.data());
    give_memory(std::move(shown->owner), array, shown->bytes.size(), *view);
    return LOCUM_OK;
  });
}

locum_status locum_file_bytes_make(locum_file_bytes file, locum_array* array, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_loaded(file, [&](Loading& loading) {
    if (array == nullptr) {
      return is_null("array");
    }
    const auto element = element_of(*array);
    const auto extents = element ? extents_of(*array) : Result<Extents>(element.error());
    if (!extents) {
      return failed(extents.error());
    }
    auto draft = (*loading.make)(*element, *extents);
    if (!draft) {
      return failed(draft.error());
    }
    array->data = draft->bytes().data();
    set_strides(*array, element->bytes());
    const std::uint64_t size_bytes = draft->bytes().size();
    loading.made.push_back(*std::move(draft));
    if (view != nullptr) {
      // A copy of the draft keeps the memory, and is never finished.
      give_memory(std::make_shared<const ArrayDraft>(loading.made.back()), *array, size_bytes, *view);
    }
    return LOCUM_OK;
  });
}

locum_status locum_file_bytes_give(locum_file_bytes file, const locum_array* value) {
  return on_loaded(file, [&](Loading& loading) {
    if (value == nullptr) {
      return is_null("value");
    }
    if (loading.value) {
      return failed(Error(Errc::invalid_argument, "the value of this file was given; give it once"));
    }
    auto kept = kept_value(loading, *value);
    if (!kept) {
      return failed(kept.error());
    }
    loading.value = *std::move(kept);
    return LOCUM_OK;
  });
}

locum_status locum_file_draft_write(locum_file_draft file, const void* bytes, size_t count) {
  return on_saved(file, [&](Saving& saving) {
    return bytes == nullptr && count > 0 ? is_null("bytes")
                                         : status_of(saving.file->write(bytes_at(bytes, count)));
  });
}

locum_status locum_file_draft_write_at(locum_file_draft file, uint64_t offset, const void* bytes,
                                       size_t count) {
  return on_saved(file, [&](Saving& saving) {
    if (bytes == nullptr && count > 0) {
      return is_null("bytes");
    }
    const std::uint64_t size = saving.file->size_bytes();
    if (offset > size || count > size - offset) {
      return failed(Error(Errc::invalid_argument, "the file has " + std::to_string(size) +
                                                      " bytes so far, and only these can be replaced; "
                                                      "append the others"));
    }
    return status_of(saving.file->write_at(offset, bytes_at(bytes, count)));
  });
}

locum_status locum_file_draft_size(locum_file_draft file, uint64_t* size) {
  clear(size);
  return on_saved(file, [&](Saving& saving) {
    if (size == nullptr) {
      return is_null("size");
    }
    *size = saving.file->size_bytes();
    return LOCUM_OK;
  });
}
