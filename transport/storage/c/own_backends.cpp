// Backends whose functions are the program's own.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend_registry.hpp"
#include "core/base/hash.hpp"
#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/ports/backend.hpp"
#include "transport/storage/backend_list.hpp"
#include "transport/storage/c/lent.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/record_limit.hpp"

namespace locum::c {

namespace {

struct Given {
  std::shared_ptr<std::byte> memory;
  std::uint64_t size_bytes = 0;
  std::vector<std::string> keys;
  bool is_record = false;  ///< whether a record is asked for, and not keys
};

}  // namespace

class Answer : public Lent<Given> {
  using Lent::Lent;
};

namespace {

constexpr std::uint32_t usual_longest_name = 200;
constexpr std::uint32_t least_longest_name = 64;

/// What such a backend stores behind the bytes of a record: its revision, and a mark.
struct RecordTrailer {
  static constexpr std::uint64_t right_mark = 0x3130'7665'726C'636FU;  // "oclrev01"

  std::uint64_t revision = 0;
  std::uint64_t mark = right_mark;
};
static_assert(sizeof(RecordTrailer) == 16);

/// What all backends of a scheme share.
struct ProgramScheme {
  locum_backend calls{};
  std::string scheme;
  /// Of all backends of the scheme: two URLs may lead to the same records.
  storage::KeyLocks locks;
};

/// A backend whose functions are those that a program gave. They know neither revisions nor expectations:
/// these are compared here, under a lock of the record, which only this process has.
class ProgramBackend final : public Backend {
 public:
  explicit ProgramBackend(std::shared_ptr<ProgramScheme> scheme)
      : scheme_(std::move(scheme)), calls_(scheme_->calls) {
    traits_.scheme = scheme_->scheme;
    traits_.longest_name = calls_.longest_name == 0 ? usual_longest_name : calls_.longest_name;
    if (calls_.largest_record != 0) {
      traits_.largest_record = calls_.largest_record - sizeof(RecordTrailer);
    }
    traits_.name_bytes = NameBytes::file_name;
    traits_.lists = calls_.keys != nullptr;
    traits_.is_atomic = calls_.shared_by == LOCUM_BY_PROCESS;
    traits_.is_durable = calls_.is_durable;
    traits_.shared_by = static_cast<SharedBy>(calls_.shared_by);
  }
  ~ProgramBackend() override {
    if (is_open_ && calls_.close != nullptr) {
      calls_.close(opened_);
    }
  }
  /// Opens what it closes at its end. Called once, before all others.
  [[nodiscard]] Result<void> open(const std::string& url) {
    auto outcome = outcome_of_function([&] { return calls_.open(url.c_str(), calls_.context, &opened_); });
    is_open_ = outcome.has_value();
    return outcome;
  }

  [[nodiscard]] const BackendTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes,
                                          Deadline deadline) override;
  [[nodiscard]] Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override;
  [[nodiscard]] Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                                      Deadline deadline) override;

 private:
  [[nodiscard]] static std::string text_of_key(const RecordKey& key) {
    return std::string(key.space).append("/").append(key.name);
  }
  [[nodiscard]] static double seconds_until(Deadline deadline) {
    const auto left = deadline.moment(std::chrono::seconds(30)) - Deadline::Clock::now();
    return std::max(std::chrono::duration<double>(left).count(), 0.0);
  }
  [[nodiscard]] Error no_record(const RecordKey& key, const char* why) const {
    return Error(Errc::corrupt, "the backend " + scheme_->scheme + ": has given a record of '" +
                                    text_of_key(key) + "' that " + why +
                                    "; let it give the bytes that were put");
  }

  const std::shared_ptr<ProgramScheme> scheme_;
  const locum_backend& calls_;
  void* opened_ = nullptr;
  bool is_open_ = false;
  BackendTraits traits_;
};

Result<LoadedRecord> ProgramBackend::load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) {
  const std::string text = text_of_key(key);
  Given asked;
  asked.is_record = true;
  auto given = lend<locum_answer>(answers(), std::move(asked), [&](locum_answer answer) {
    return calls_.get(opened_, text.c_str(), answer, seconds_until(deadline));
  });
  if (!given) {
    return given.error().code() == Errc::not_found ? no_such_object() : given.error();
  }
  if (!given->memory) {
    return no_record(key, "has no memory");
  }
  if (given->size_bytes < sizeof(RecordTrailer)) {
    return no_record(key, "is too short");
  }
  const std::uint64_t size = given->size_bytes - sizeof(RecordTrailer);
  RecordTrailer trailer;
  std::memcpy(&trailer, given->memory.get() + size, sizeof trailer);
  if (trailer.mark != RecordTrailer::right_mark) {
    return no_record(key, "does not end as it was put");
  }
  const std::uint64_t shown = std::min(last_bytes, size);
  const std::byte* const first = given->memory.get() + (size - shown);
  return LoadedRecord{
      std::move(given->memory), {first, static_cast<std::size_t>(shown)}, size, trailer.revision};
}

Result<void> ProgramBackend::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  if (storage::is_too_large_for(traits_, record)) {
    return storage::too_large_for(traits_, record);
  }
  const auto held = scheme_->locks.take({&key, 1}, deadline);
  if (!held) {
    return held.error();
  }
  if (record.expect != Expect::anything) {
    const auto there = load(key, 0, deadline);
    if (!there && there.error().code() != Errc::not_found) {
      return there.error();
    }
    if (auto may = storage::may_store(record, there ? &there->revision : nullptr); !may) {
      return may;
    }
  }
  const RecordTrailer trailer{.revision = record.revision};
  const std::array<locum_text, 2> parts{
      {{reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()},
       {reinterpret_cast<const char*>(&trailer), sizeof trailer}}};
  const std::string text = text_of_key(key);
  return outcome_of_function(
      [&] { return calls_.put(opened_, text.c_str(), parts.data(), parts.size(), seconds_until(deadline)); });
}

Result<bool> ProgramBackend::remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) {
  const auto held = scheme_->locks.take({&key, 1}, deadline);
  if (!held) {
    return held.error();
  }
  if (revision != 0) {
    const auto there = load(key, 0, deadline);
    if (!there && there.error().code() != Errc::not_found) {
      return there.error();
    }
    if (!there || there->revision != revision) {
      return false;
    }
  }
  const std::string text = text_of_key(key);
  bool existed = false;
  const auto removed = outcome_of_function(
      [&] { return calls_.remove(opened_, text.c_str(), &existed, seconds_until(deadline)); });
  return removed ? Result<bool>(existed) : removed.error();
}

Result<std::vector<std::string>> ProgramBackend::list(std::string_view space, std::string_view prefix,
                                                      Deadline deadline) {
  if (calls_.keys == nullptr) {
    return Backend::list(space, prefix, deadline);
  }
  const std::string text = text_of_key({space, prefix});
  auto given = lend<locum_answer>(answers(), Given(), [&](locum_answer answer) {
    return calls_.keys(opened_, text.c_str(), answer, seconds_until(deadline));
  });
  if (!given) {
    return given.error();
  }
  std::vector<std::string>& names = given->keys;
  // What it gives beyond those that were asked for is no harm.
  std::erase_if(names, [&](const std::string& key) { return !key.starts_with(text); });
  for (std::string& name : names) {
    name.erase(0, space.size() + 1);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return std::move(names);
}

Error wrong_backend(const std::string& why) {
  return Error(Errc::invalid_argument, "this backend " + why);
}

Result<void> check_backend(const locum_backend& backend) {
  if (backend.scheme == nullptr || backend.open == nullptr || backend.get == nullptr ||
      backend.put == nullptr || backend.remove == nullptr) {
    return wrong_backend("lacks its scheme, or one of open, get, put and remove; set them all");
  }
  const std::string_view scheme = backend.scheme;
  if (scheme.empty() || scheme.size() > 64 || scheme.front() < 'a' || scheme.front() > 'z' ||
      scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != scheme.npos) {
    return wrong_backend("has the scheme '" + std::string(scheme.substr(0, 64)) +
                         "'; a scheme is a lower-case letter and up to 63 of these, digits, - and .");
  }
  if (backend.longest_name != 0 && backend.longest_name < least_longest_name) {
    return wrong_backend("holds names of " + std::to_string(backend.longest_name) +
                         " bytes; it has to hold 64");
  }
  if (backend.largest_record != 0 && backend.largest_record < 1024) {
    return wrong_backend("holds records of " + std::to_string(backend.largest_record) +
                         " bytes; it has to hold 1024");
  }
  if (backend.shared_by < LOCUM_BY_PROCESS || backend.shared_by > LOCUM_BY_HOSTS) {
    return wrong_backend("is shared by " + std::to_string(backend.shared_by) +
                         ", which is no locum_shared_by");
  }
  return {};
}

constexpr const char* kind_of_answer = "answer that a backend is making";

template <class Body>
locum_status on_answer(locum_answer answer, Body body) noexcept {
  return on(answers(), answer, kind_of_answer,
            [&](const std::shared_ptr<Answer>& lent) { return lent->use(kind_of_answer, body); });
}

Error other_answer(const char* asked) {
  return Error(Errc::invalid_argument, std::string("the function was asked for ") + asked);
}

}  // namespace

}  // namespace locum::c

using namespace locum;
using namespace locum::c;

locum_status locum_register_backend(const locum_backend* backend) {
  return guarded([&] {
    if (backend == nullptr) {
      return is_null("backend");
    }
    require_known(backend);
    if (auto right = check_backend(*backend); !right) {
      return failed(right.error());
    }
    const auto scheme = std::make_shared<ProgramScheme>();
    scheme->calls = *backend;
    scheme->scheme = backend->scheme;
    const auto open = [scheme](const Url& url) -> Result<std::shared_ptr<Backend>> {
      auto made = std::make_shared<ProgramBackend>(scheme);
      const auto opened = made->open(to_string(url));
      return opened ? Result<std::shared_ptr<Backend>>(std::move(made)) : opened.error();
    };
    const bool is_new =
        storage::known_backend(scheme->scheme) == nullptr && register_backend(scheme->scheme, open);
    return is_new ? LOCUM_OK
                  : failed(Error(Errc::key_exists, "there is a backend of this scheme; choose another")
                               .about(scheme->scheme));
  });
}

locum_status locum_answer_memory(locum_answer answer, size_t bytes, void** memory) {
  clear(memory);
  return on_answer(answer, [&](Given& given) {
    if (memory == nullptr) {
      return is_null("memory");
    }
    if (!given.is_record || given.memory) {
      return failed(other_answer(given.is_record ? "one record, which has its memory; fill that"
                                                 : "keys, and gives a record; give each key"));
    }
    given.memory = record_memory(bytes);
    if (!given.memory) {
      return failed(no_memory_left());
    }
    given.size_bytes = bytes;
    *memory = given.memory.get();
    return LOCUM_OK;
  });
}

locum_status locum_answer_key(locum_answer answer, const char* key) {
  return on_answer(answer, [&](Given& given) {
    if (key == nullptr) {
      return is_null("key");
    }
    if (given.is_record) {
      return failed(other_answer("a record, and gives a key; give memory"));
    }
    given.keys.emplace_back(key);
    return LOCUM_OK;
  });
}
