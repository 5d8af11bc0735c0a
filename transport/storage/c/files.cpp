// Files in formats, for the C interface.
#include "transport/storage/files/files.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/file_options.hpp"
#include "transport/storage/c/values.hpp"

using namespace locum;
using namespace locum::c;

namespace {

locum_status give_files(Files opened, locum_files* handle) {
  name_unreleased_at_exit();
  return give(files(), std::make_shared<const Files>(std::move(opened)), handle);
}

/// Calls `body` with the files of the handle.
template <class Body>
locum_status on_files(locum_files handle, Body body) noexcept {
  return on(files(), handle, "handle of files",
            [&](const std::shared_ptr<const Files>& open) { return body(*open); });
}

/// Calls `call` with the files and the options of a call that gives a view.
template <class Call>
locum_status give_loaded(locum_files handle, const char* path, const locum_file_options* options,
                         locum_view* view, bool gives_members, Call call) noexcept {
  if (view != nullptr) {
    empty(*view);
  }
  return on_files(handle, [&](const Files& open) {
    if (path == nullptr || view == nullptr) {
      return is_null(path == nullptr ? "path" : "view");
    }
    const auto how = loading(options, gives_members);
    return how ? call(open, *how) : failed(how.error());
  });
}

/// Calls `call` with the files and the options of a call that gives a handle of what it begins.
template <class Handle, class Call>
locum_status give_begun(locum_files files, const char* path, const locum_file_options* options, Handle* made,
                        const char* name, bool gives_members, Call call) noexcept {
  clear(made);
  return on_files(files, [&](const Files& open) {
    if (path == nullptr || made == nullptr) {
      return is_null(path == nullptr ? "path" : name);
    }
    const auto how = loading(options, gives_members);
    return how ? call(open, *how) : failed(how.error());
  });
}

const char* first_null(std::size_t count, const char* const* paths, const void* values,
                       const char* of_values) {
  if (count == 0) {
    return nullptr;
  }
  if (paths == nullptr || values == nullptr) {
    return paths == nullptr ? "paths" : of_values;
  }
  return std::find(paths, paths + count, nullptr) == paths + count ? nullptr : "a path";
}

/// What a batch returns: each status, and the texts of the errors by position.
class Outcomes {
 public:
  Outcomes(std::size_t count, locum_status* statuses, locum_names* messages)
      : statuses_(statuses), messages_(messages), texts_(messages == nullptr ? 0 : count) {
    if (statuses != nullptr) {
      std::fill_n(statuses, count, LOCUM_OK);
    }
  }
  void set(std::size_t at, locum_status status) {
    if (statuses_ != nullptr) {
      statuses_[at] = status;
    }
    if (status == LOCUM_OK) {
      return;
    }
    if (messages_ != nullptr) {
      texts_[at] = locum_error_message();
    }
    if (!first_) {
      first_ = last_error();
    }
  }
  /// Returns the first error, and gives the texts.
  [[nodiscard]] locum_status give() && {
    const locum_status given = messages_ == nullptr ? LOCUM_OK : give_names(std::move(texts_), *messages_);
    return first_ ? failed(*first_) : given;
  }

 private:
  locum_status* const statuses_;
  locum_names* const messages_;
  std::vector<std::string> texts_;
  std::optional<Error> first_;
};

/// Sets the status of a batch of which nothing was done.
locum_status none_done(locum_status status, std::size_t count, locum_status* statuses) noexcept {
  if (statuses != nullptr) {
    std::fill_n(statuses, count, status);
  }
  return status;
}

}  // namespace

namespace locum::c {

FilesOptions files_options(const locum_files_options* options) {
  FilesOptions how;
  require_known(options);
  if (options != nullptr && options->kept_s != 0) {
    how.kept = milliseconds_of(options->kept_s);
  }
  if (options != nullptr && options->timeout_s != 0) {
    how.timeout = milliseconds_of(options->timeout_s);
  }
  if (how.kept < std::chrono::milliseconds(1) || how.timeout < std::chrono::milliseconds(1)) {
    throw Error(Errc::invalid_argument, "a time of the options of files is negative or no number");
  }
  return how;
}

}  // namespace locum::c

locum_status locum_files_open(const char* url, locum_files* files) {
  clear(files);
  return guarded([&] {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give_files(Files(url), files);
  });
}

locum_status locum_files_open_in(locum_session session, const char* url, locum_files* files) {
  clear(files);
  return on(sessions(), session, "session", [&](const Session& open) {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give_files(Files(open, url), files);
  });
}

locum_status locum_files_open_with(locum_session session, const char* url, const locum_files_options* options,
                                   locum_files* files) {
  clear(files);
  const auto opened = [&](auto open) {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give_files(open(files_options(options)), files);
  };
  if (session == nullptr) {
    return guarded([&] { return opened([&](const FilesOptions& how) { return Files(url, how); }); });
  }
  return on(sessions(), session, "session", [&](const Session& open) {
    return opened([&](const FilesOptions& how) { return Files(open, url, how); });
  });
}

locum_status locum_files_add(locum_files files, const char* name, const char* url) {
  return on_files(files, [&](const Files& open) {
    return name == nullptr || url == nullptr ? is_null(name == nullptr ? "name" : "url")
                                             : status_of(open.add(name, url));
  });
}

locum_status locum_files_close(locum_files* files) {
  return release(locum::c::files(), files, "handle of files");
}

locum_status locum_files_save(locum_files files, const char* path, const locum_array* value,
                              const locum_file_options* options) {
  return on_files(files, [&](const Files& open) {
    if (path == nullptr || value == nullptr) {
      return is_null(path == nullptr ? "path" : "value");
    }
    auto how = loading(options);
    if (!how) {
      return failed(how.error());
    }
    const auto record = record_in(*value);
    return record ? status_of(open.save(path, *record, {how->format, std::move(how->options), how->backend}))
                  : failed(record.error());
  });
}

locum_status locum_files_load(locum_files files, const char* path, const locum_file_options* options,
                              locum_view* view) {
  return give_loaded(files, path, options, view, true, [&](const Files& open, const LoadOptions& how) {
    if (const Asked asked(options); asked.is_value()) {
      return give_value(asked.of(open.load(path, how), path), *view);
    }
    auto object = open.load_raw(path, how);
    if (!object && object.error().code() == Errc::out_of_memory) {
      if (const auto mapped = open.load(path, how)) {
        return give_value(mapped, *view);
      }
    }
    return give_view(std::move(object), *view);
  });
}
locum_status locum_files_load_async(locum_files files, const char* path, const locum_file_options* options,
                                    locum_future* future) {
  const auto begin = [&](const Files& open, const LoadOptions& how) {
    Asked asked(options);
    if (!asked.is_value()) {
      return give<AsyncCall>(futures(), open.load_raw_async(path, how), future);
    }
    auto part = [asked = std::move(asked), path = std::string(path)](Result<Record> all) {
      return asked.of(std::move(all), path);
    };
    return give<AsyncCall>(futures(), LoadedValue(open.load_async(path, how), std::move(part), give_value),
                           future);
  };
  return give_begun(files, path, options, future, "future", true, begin);
}
locum_status locum_files_proxy(locum_files files, const char* path, const locum_file_options* options,
                               locum_proxy* proxy) {
  if (asks_for_member(options)) {
    clear(proxy);
    return guarded([] {
      return failed(Error(Errc::invalid_argument,
                          "a stand-in is for all that a file holds, and takes no option 'member'; take the "
                          "member of what the stand-in leads to, or name it by an option of the format that "
                          "loads it alone, as 'dataset' of h5 and 'only' of npz"));
    });
  }
  return give_begun(files, path, options, proxy, "proxy", false,
                    [&](const Files& open, const LoadOptions& how) {
                      auto made = open.raw_proxy(path, how);
                      return made ? give(proxies(), *std::move(made), proxy) : failed(made.error());
                    });
}

locum_status locum_files_load_batch(locum_files files, size_t count, const char* const* paths,
                                    const locum_file_options* options, locum_view* views,
                                    locum_status* statuses, locum_names* messages) {
  clear(messages);
  if (views != nullptr) {
    std::for_each(views, views + count, [](locum_view& view) { empty(view); });
  }
  if (const char* const null = first_null(count, paths, views, "views")) {
    return none_done(is_null(null), count, statuses);
  }
  bool is_done = false;
  const locum_status status = on_files(files, [&](const Files& open) {
    const auto how = loading(options, true);
    if (!how) {
      return failed(how.error());
    }
    const std::vector<std::string> all(paths, paths + count);
    Outcomes outcomes(count, statuses, messages);
    if (const Asked asked(options); asked.is_value()) {
      auto loaded = open.load_batch(all, *how);
      for (std::size_t at = 0; at < count; ++at) {
        outcomes.set(at, give_value(asked.of(std::move(loaded[at]), paths[at]), views[at]));
      }
    } else {
      auto loaded = open.load_raw_batch(all, *how);
      for (std::size_t at = 0; at < count; ++at) {
        outcomes.set(at, give_view(std::move(loaded[at]), views[at]));
      }
    }
    is_done = true;
    return std::move(outcomes).give();
  });
  return is_done ? status : none_done(status, count, statuses);
}

locum_status locum_files_save_batch(locum_files files, size_t count, const char* const* paths,
                                    const locum_array* values, const locum_file_options* options,
                                    locum_status* statuses, locum_names* messages) {
  clear(messages);
  if (const char* const null = first_null(count, paths, values, "values")) {
    return none_done(is_null(null), count, statuses);
  }
  bool is_done = false;
  const locum_status status = on_files(files, [&](const Files& open) {
    auto how = loading(options);
    if (!how) {
      return failed(how.error());
    }
    std::vector<std::pair<std::string, Record>> all;
    all.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
      auto value = record_in(values[at]);
      if (!value) {
        return failed(value.error().about(paths[at]));
      }
      all.emplace_back(paths[at], *std::move(value));
    }
    Outcomes outcomes(count, statuses, messages);
    const auto saved = open.save_batch(all, {how->format, std::move(how->options), how->backend});
    for (std::size_t at = 0; at < count; ++at) {
      outcomes.set(at, status_of(saved[at]));
    }
    is_done = true;
    return std::move(outcomes).give();
  });
  return is_done ? status : none_done(status, count, statuses);
}

locum_status locum_files_info(locum_files files, const char* path, const locum_file_options* options,
                              locum_view* view) {
  return give_loaded(files, path, options, view, false, [&](const Files& open, const LoadOptions& how) {
    return give_view(open.info_raw(path, how), *view);
  });
}

locum_status locum_files_list(locum_files files, const char* folder, const char* pattern, bool recursive,
                              const char* backend, locum_names* names) {
  const locum_file_list_options options{pattern, backend, recursive ? 1U : 0U, 0, {}};
  return locum_files_list_with(files, folder, &options, names);
}

locum_status locum_files_list_with(locum_files files, const char* folder,
                                   const locum_file_list_options* options, locum_names* names) {
  clear(names);
  return on_files(files, [&](const Files& open) {
    if (names == nullptr) {
      return is_null("names");
    }
    require_known(options);
    ListOptions how;
    if (options != nullptr) {
      how = {.pattern = options->pattern == nullptr ? how.pattern : options->pattern,
             .recursive = options->recursive != 0,
             .folders = options->folders != 0,
             .backend = text_or_none(options->backend)};
    }
    return give_names(open.list(text_or_none(folder), how), *names);
  });
}

locum_status locum_files_kind(locum_files files, const char* path, const char* backend, int32_t* kind) {
  clear(kind);
  return on_files(files, [&](const Files& open) {
    if (path == nullptr || kind == nullptr) {
      return is_null(path == nullptr ? "path" : "kind");
    }
    const PathOptions where{text_or_none(backend)};
    const auto is_file = open.is_file(path, where);
    const auto is_there = is_file && !*is_file ? open.exists(path, where) : is_file;
    if (!is_there) {
      return failed(is_there.error());
    }
    *kind = *is_file ? LOCUM_FILE : *is_there ? LOCUM_FOLDER : LOCUM_NO_FILE;
    return LOCUM_OK;
  });
}

locum_status locum_files_make_dirs(locum_files files, const char* path, const char* backend) {
  return on_files(files, [&](const Files& open) {
    return path == nullptr ? is_null("path") : status_of(open.make_dirs(path, {text_or_none(backend)}));
  });
}

locum_status locum_files_remove(locum_files files, const char* path, const char* backend, bool* existed) {
  return on_files(files, [&](const Files& open) {
    if (path == nullptr) {
      return is_null("path");
    }
    const auto removed = open.remove(path, {text_or_none(backend)});
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}

locum_status locum_files_pack(locum_files files, const char* folder, const char* archive,
                              const char* backend) {
  return on_files(files, [&](const Files& open) {
    return folder == nullptr || archive == nullptr
               ? is_null(folder == nullptr ? "folder" : "archive")
               : status_of(open.pack(folder, archive, {text_or_none(backend)}));
  });
}

locum_status locum_files_copy(locum_files files, const char* from, const char* to, const char* backend) {
  return on_files(files, [&](const Files& open) {
    return from == nullptr || to == nullptr ? is_null(from == nullptr ? "from" : "to")
                                            : status_of(open.copy(from, to, {text_or_none(backend)}));
  });
}
