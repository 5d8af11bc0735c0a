#include "transport/storage/files/state.hpp"

#include <algorithm>
#include <complex>
#include <cstdio>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/value/error.hpp"
#include "transport/storage/files/format_list.hpp"
#include "transport/storage/files/tree_format.hpp"

namespace locum::detail {

namespace {

/// The names of objects that stand-ins lead to begin with it.
constexpr std::string_view lasting_stem = "lasting/";

Result<FilesState::Area> open_area(std::string_view text, bool makes_folder) {
  const auto url = parse_url(text);
  if (!url) {
    return text.find(':') != std::string_view::npos
               ? Result<FilesState::Area>(url.error())
               : Error(Errc::invalid_argument,
                       "this is no URL; write 'file:" + std::string(text) + "' for that folder");
  }
  if (url->scheme == "zip") {
    return storage::open_zip_area(*url);
  }
  if (url->scheme != "file" || !url->wrappers.empty()) {
    return storage::open_store_area(*url);
  }
  return makes_folder ? storage::open_folder_area(*url) : storage::open_late_folder_area(*url);
}

// What is printed of options leaves out the elements of long arrays.
std::uint64_t hash_of(const Record& options) {
  const auto bytes = detail::stored_bytes(options);
  std::string stored(bytes ? static_cast<std::size_t>(*bytes) : 0, '\0');
  const auto written = detail::store_value(options, std::as_writable_bytes(std::span(stored)));
  return bytes && written ? hash64(stored) : 0;
}

// Of long options the hash alone tells them apart: names are not that long.
std::string printed_start(const Record& options) {
  constexpr std::size_t longest = 1000;
  std::ostringstream text;
  text << options;
  return text.str().substr(0, longest);
}

std::string known_endings() {
  std::string all;
  for (const auto& format : registered_formats()) {
    for (const std::string_view ending : format->traits().endings) {
      all.append(all.empty() ? "" : " ").append(ending);
    }
  }
  return all;
}

Result<std::shared_ptr<const Format>> format_for(std::string_view path, std::string_view name) {
  storage::register_own_formats();
  if (!name.empty()) {
    auto named = format_named(name);
    if (!named) {
      std::string all;
      for (const auto& format : registered_formats()) {
        all.append(all.empty() ? "" : ", ").append(format->traits().name);
      }
      return Error(Errc::unsupported, "no format is named '" + std::string(name) + "'; there are " + all);
    }
    return named;
  }
  auto found = format_of(path);
  if (!found) {
    return Error(Errc::unsupported, "no format has the ending of this path; there are " + known_endings() +
                                        "; name a format in the options of the call, or register one");
  }
  return found;
}

Result<void> check_format_options(const FormatTraits& traits, const Record& options) {
  if (!options.is_null() && options.kind() != Record::Kind::members) {
    return Error(Errc::invalid_argument, "options of a format are members: {{\"name\", value}}");
  }
  for (const auto& [name, value] : options.members()) {
    if (std::ranges::find(traits.options, std::string_view(name), &FormatOption::name) ==
        traits.options.end()) {
      std::string all;
      for (const FormatOption& option : traits.options) {
        all.append(all.empty() ? "" : ", ").append(option.name);
      }
      return Error(Errc::invalid_argument, "the format " + std::string(traits.name) + " has no option '" +
                                               name + "'; " +
                                               (all.empty() ? "it has none" : "it has " + all));
    }
  }
  return {};
}

// Nothing is loaded by a guess: the caller is told of it.
std::string formats_that_recognise(storage::FileArea& area, const std::string& path) {
  constexpr std::uint64_t first_bytes = 512;
  const auto opened = area.open(path, {});
  std::vector<std::byte> first(opened ? std::min((*opened)->size_bytes(), first_bytes) : 0);
  if (first.empty() || !(*opened)->read(0, first)) {
    return {};
  }
  std::string all;
  for (const auto& format : registered_formats()) {
    if (format->traits().loads && format->recognises(first)) {
      all.append(all.empty() ? "" : " or ").append(format->traits().name);
    }
  }
  return all;
}

// The error of the store names the object, which the program does not know.
Error no_room_for_array(const ElementType& element, const Error& error) {
  return Error(
      Errc::out_of_memory,
      "the store has no room for the array of " + element.name() + " that the file holds: " + error.text(),
      error.detail());
}

bool is_tree_format(const Format& format) noexcept {
  return dynamic_cast<const storage::TreeFormat*>(&format) != nullptr;
}

bool has_array(const Record& value) {
  return value.array() || std::ranges::any_of(value.list(), has_array) ||
         std::ranges::any_of(value.members(), [](const auto& member) { return has_array(member.second); });
}

}  // namespace

Result<storage::AreaFacts> FilesState::Named::facts() const {
  return is_tree_format(*format) ? storage::tree_facts({area, path}) : area->facts(path);
}

Result<std::unique_ptr<storage::AreaFile>> FilesState::Named::open(const storage::OpenedHow& how) const {
  return is_tree_format(*format) ? storage::open_tree({area, path}, how) : area->open(path, how);
}

Result<std::unique_ptr<storage::AreaDraft>> FilesState::Named::create() const {
  return is_tree_format(*format) ? storage::create_tree({area, path}) : area->create(path);
}

// Calls that a file system does not return from keep what they use.
void FilesState::finish() {
  if (!background_.wait(options_.timeout)) {
    std::fprintf(stderr,
                 "locum: a load of a file has not ended: its thread is left behind; check the file system\n");
  }
}

FilesState::FilesState(Session session, Store store, const FilesOptions& options)
    : session_(std::move(session)),
      store_(std::move(store)),
      options_(options),
      once_(session_, store_),
      parts_(std::make_shared<storage::SharedParts>(session_, store_, lifetime(Lasts::a_while))) {}

Result<void> FilesState::add(std::string_view name, std::string_view url) {
  auto opened = open_area(url, options_.make_folder);
  if (!opened) {
    return opened.error();
  }
  const MutexLock lock(mutex_);
  return areas_.emplace(name, std::move(*opened)).second
             ? Result<void>()
             : Error(Errc::key_exists, "there is a backend of this name already").about(name);
}

Result<FilesState::Area> FilesState::area(std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto found = areas_.find(name);
  if (found != areas_.end()) {
    return found->second;
  }
  std::string all;
  for (const auto& [known, area] : areas_) {
    if (!known.empty()) {
      all.append(all.empty() ? "" : ", ").append(known);
    }
  }
  return Error(Errc::not_found, "these files have no backend of that name; " +
                                    (all.empty() ? "name one first" : "there are " + all))
      .about(name);
}

Result<FilesState::Named> FilesState::named(std::string_view path, std::string_view backend,
                                            std::string_view format, const Record& options) const {
  auto area = this->area(backend);
  if (!area) {
    return area.error();
  }
  auto plain = storage::area_path(path, (*area)->name());
  auto chosen = plain ? format_for(*plain, format) : plain.error();
  if (!chosen) {
    return chosen.error().about(path);
  }
  if (auto known = check_format_options((*chosen)->traits(), options); !known) {
    return known.error().about(path);
  }
  return Named{std::move(*area), std::move(*plain), std::move(*chosen)};
}

Result<FilesState::Named> FilesState::named_to_load(std::string_view path, const LoadOptions& options) const {
  auto file = named(path, options.backend, options.format, options.options);
  if (file || file.error().code() != Errc::unsupported || !options.format.empty()) {
    return file;
  }
  const auto area = this->area(options.backend);
  const auto plain = area ? storage::area_path(path, (*area)->name()) : Result<std::string>(area.error());
  const std::string known = plain ? formats_that_recognise(**area, *plain) : std::string();
  return known.empty()
             ? std::move(file)
             : Error(Errc::unsupported, "no format has the ending of this path; its content looks like " +
                                            known + ": name the format in the options of the call")
                   .about(path);
}

Result<Record> FilesState::load(const Named& file, const LoadOptions& options) const {
  if (options.map) {
    return load_alone(file, options);
  }
  const auto object = load_once(file, options);
  if (object) {
    return record_of(*session_.state(), *object);
  }
  if (object.error().code() == Errc::out_of_memory) {
    if (auto mapped = load_mapped(file, options)) {
      return mapped;
    }
  }
  return object.error();
}

Result<Record> FilesState::load_mapped(const Named& file, const LoadOptions& options) const {
  const auto opened = file.open({.maps = true});
  if (!opened) {
    return opened.error();
  }
  const MakeArray refuse = [](const ElementType&, const Extents&) -> Result<ArrayDraft> {
    return Error(Errc::out_of_memory, "the elements cannot be shown where they are in the file");
  };
  auto loaded = caught([&] { return file.format->load(**opened, options.options, refuse); });
  if (loaded && !(*opened)->is_unchanged()) {
    return Error(Errc::stale, "the file was changed while it was mapped");
  }
  return loaded && !has_array(*loaded)
             ? Error(Errc::out_of_memory, "nothing of this file can be shown in place")
             : std::move(loaded);
}

Result<Record> FilesState::load_alone(const Named& file, const LoadOptions& options) const {
  const auto opened = file.open({.maps = options.map});
  return opened ? caught([&] { return file.format->load(**opened, options.options, &ArrayDraft::make); })
                : opened.error();
}

// A file that changes while it is loaded is loaded again: what was read may be of both contents, and would be
// found under the identity of one. After the first time, the file is opened before it is looked for: one that
// others replace again and again is found at its path for a moment only.
Result<RawView> FilesState::load_once(const Named& file, const LoadOptions& options, Lasts lasts) const {
  constexpr int most_changes = 8;
  std::unique_ptr<storage::AreaFile> opened;
  for (int change = 0;; ++change) {
    auto loaded = load_as_it_is({file, options, lasts, opened.get()});
    if (loaded || loaded.error().code() != Errc::stale || change == most_changes) {
      return loaded;
    }
    auto again = file.open({});
    if (!again) {
      return again.error();
    }
    opened = std::move(*again);
  }
}

Result<RawView> FilesState::load_as_it_is(Loading loading) const {
  const LoadOptions& options = loading.options;
  const Named& file = loading.file;
  const auto facts = loading.opened ? Result<storage::AreaFacts>(loading.opened->facts()) : file.facts();
  if (!facts) {
    return facts.error();
  }
  if (facts->is_folder) {
    return Error(Errc::invalid_argument, "this is a folder; give the path of a file");
  }
  loading.identity = facts->identity;
  std::ostringstream content;
  content << file.area->name() << '/' << facts->identity << '/' << file.format->traits().name << '/'
          << printed_start(options.options) << '/' << hash_of(options.options);
  const std::string lasting = std::string(lasting_stem) + content.str();
  if (loading.lasts == Lasts::a_while) {
    if (auto there = once_.find(lasting)) {
      return there;
    }
  }
  const Deadline until = Deadline(options.deadline).moment(options_.timeout);
  const auto make = [&](const std::string& name, const storage::LentProcessors& lent) {
    return load_to(loading, name, lent);
  };
  return once_.get(
      loading.lasts == Lasts::a_while ? std::string(storage::loaded_files) + content.str() : lasting, make,
      until);
}

// The stand-in is that of a promise, which leads to the object of the node that others load, too.
Result<RawProxy> FilesState::begin_proxy(const Named& file, const LoadOptions& options) {
  if (const auto facts = file.facts(); !facts || facts->is_folder) {
    return facts ? Error(Errc::invalid_argument, "this is a folder; give the path of a file") : facts.error();
  }
  auto promise = store_.raw().promise();
  if (!promise) {
    return promise.error();
  }
  auto proxy = promise->proxy();
  begin([self = shared_from_this(), file, options = OwnedLoadOptions(options),
         promise = std::make_shared<RawPromise>(std::move(*promise))]() noexcept {
    const auto done = caught([&]() -> Result<void> {
      const auto object = self->load_once(file, options.given(), Lasts::until_evicted);
      const auto set = object ? promise->set_object(*object) : Result<Key>(object.error());
      return set ? Result<void>() : Result<void>(set.error());
    });
    if (!done) {
      promise->give_up(done.error().about(file.path).what());
    }
  });
  return proxy;
}

// What nobody views any more is only kept for a next load: it makes room for this one. The objects of other
// nodes go, too: their names do not tell the node.
Result<void> FilesState::load_to(const Loading& loading, const std::string& name,
                                 const storage::LentProcessors& lent) const {
  // Other ranks load as well: they may take the room that this one has made, or have made it already.
  constexpr int most_tries = 8;
  bool was_empty = false;
  for (int tries = 1;; ++tries) {
    auto loaded = load_into(loading, name, lent);
    if (loaded || loaded.error().code() != Errc::out_of_memory || tries == most_tries) {
      return loaded;
    }
    const auto kept = store_.keys(storage::loaded_files);
    if (!kept || (kept->empty() && was_empty)) {
      return loaded;
    }
    was_empty = kept->empty();
    (void)store_.evict_batch(*kept);
  }
}

// The first array that a format makes is written where the object will be. It is that object if the file
// holds nothing else; otherwise it is copied, with all that the file holds, to one that is a Record.
Result<void> FilesState::load_into(const Loading& loading, const std::string& name,
                                   const storage::LentProcessors& lent) const {
  const Named& file = loading.file;
  std::unique_ptr<storage::AreaFile> opened_here;
  if (loading.opened == nullptr) {
    auto opened = file.open({.maps = false, .lent = lent});
    if (!opened) {
      return opened.error();
    }
    opened_here = std::move(*opened);
  }
  storage::AreaFile& opened = loading.opened != nullptr ? *loading.opened : *opened_here;
  const RawStore raw(store_);
  const StoringOptions storing{.lifetime = lifetime(loading.lasts)};
  std::shared_ptr<Writer<std::byte>> writer;
  std::span<std::byte> first;
  const MakeArray make = [&](const ElementType& element, const Extents& extents) -> Result<ArrayDraft> {
    if (writer) {
      return ArrayDraft::make(element, extents);
    }
    auto created = raw.create(name, element, extents, storing);
    if (!created) {
      return created.error().code() == Errc::out_of_memory ? no_room_for_array(element, created.error())
                                                           : created.error();
    }
    writer = std::make_shared<Writer<std::byte>>(std::move(*created));
    first = {writer->data(), static_cast<std::size_t>(writer->size())};
    return ArrayDraft(writer, first, element, extents);
  };
  const auto loaded = caught([&] { return file.format->load(opened, loading.options.options, make); });
  if (opened.facts().identity != loading.identity || !opened.is_unchanged()) {
    return Error(Errc::stale, "the file was changed while it was loaded; load it when nobody writes it");
  }
  if (!loaded) {
    return loaded.error();
  }
  Result<Key> put = Key();
  const Array array = loaded->array();
  if (array && writer && array.is_contiguous() && array.size_bytes() == first.size() &&
      array.data() == first.data()) {
    put = writer->seal();
  } else if (array) {
    put = raw.put(name, array.raw(), storing);
  } else {
    put = put_value(name, *loaded, storing.lifetime);
  }
  return put ? Result<void>() : Result<void>(put.error());
}

Result<Key> FilesState::put_value(const std::string& name, const Record& value,
                                  std::chrono::milliseconds lifetime) const {
  const auto put = [&](const auto& flat) { return store_.put(name, flat, {.lifetime = lifetime}); };
  switch (value.kind()) {
    case Record::Kind::boolean:
      return put(value.as<bool>().value());
    case Record::Kind::integer: {
      const auto number = value.as<std::int64_t>();
      return number ? put(*number) : put(value.as<std::uint64_t>().value());
    }
    case Record::Kind::real:
      return put(value.as<double>().value());
    case Record::Kind::complex:
      return put(value.as<std::complex<double>>().value());
    case Record::Kind::text:
      return put(std::string(value.text()));
    default:
      return put(value);
  }
}

}  // namespace locum::detail
