// Sets of samples in shards, for the C interface.
#include "transport/storage/shards/shards.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/locum_shards.h"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/experiment_calls.hpp"
#include "transport/storage/c/shard_calls.hpp"
#include "transport/storage/c/values.hpp"

using namespace locum;
using namespace locum::c;

namespace locum::c {

locum_status give_sample(const StoredSample& sample, const Result<Record>& value, locum_view& view) {
  if (!value || sample.record ||
      (value->kind() != Record::Kind::members && value->kind() != Record::Kind::list)) {
    return give_value(value, view);
  }
  locum_array shown{};
  shown.type = LOCUM_ENCODED;
  shown.type_name = text_of(Record::locum_type_name);
  shown.rank = 1;
  shown.extents[0] = static_cast<std::int64_t>(sample.bytes.size());
  shown.strides[0] = 1;
  shown.data = const_cast<std::byte*>(sample.bytes.data());  // which programs read alone
  give_memory(sample.owner, shown, sample.bytes.size(), view);
  return LOCUM_OK;
}

}  // namespace locum::c

namespace {

using RecordCoder = detail::SampleCoder<Record>;

/// Makes a handle of the shards that `open` opens with a layout.
template <class Open>
locum_status give_shards(const locum_shards_options* options, locum_shards* handle, Open open) {
  require_known(options);
  if (handle == nullptr) {
    return is_null("shards");
  }
  ShardLayout layout;
  if (options != nullptr) {
    layout.codec = options->codec == nullptr ? layout.codec : std::string_view(options->codec);
    layout.block_bytes = options->block_bytes == 0 ? layout.block_bytes : options->block_bytes;
    layout.is_read_only = options->readonly != 0;
  }
  Result<std::shared_ptr<ShardSource>> source = open(layout);
  if (!source) {
    return failed(source.error());
  }
  name_unreleased_at_exit();
  return give(shard_sets(), std::make_shared<OpenedShards>(ShardStore<Record>(std::move(*source))), handle);
}

/// Calls `body` with the shards of the handle.
template <class Body>
locum_status on_shards(locum_shards handle, Body body) noexcept {
  return on(shard_sets(), handle, "set of shards",
            [&](const std::shared_ptr<OpenedShards>& open) { return body(open->shards); });
}

/// Appends a sample in the caller's memory.
Result<void> add_sample(ShardDraft& draft, const locum_array& array, bool as_record,
                        std::vector<std::byte>& memory) {
  const auto record = record_in(array);
  if (!record) {
    return record.error();
  }
  if (as_record) {
    return draft.add({.owner = {}, .bytes = {}, .record = *record});
  }
  if (array.type == LOCUM_ENCODED) {
    const auto* const first = static_cast<const std::byte*>(array.data);
    const std::span bytes(first, static_cast<std::size_t>(array.extents[0]));
    return draft.add({.owner = {}, .bytes = bytes, .record = {}});
  }
  const auto bytes = RecordCoder::encode(*record, memory);
  return bytes ? draft.add({.owner = {}, .bytes = *bytes, .record = {}}) : Result<void>(bytes.error());
}

/// Writes a shard of the samples that `next` sets, until it is `end_of_stream`.
template <class Next>
Result<std::string> set_shard(const ShardStore<Record>& shards, const char* key, const Next& next,
                              double deadline_s) {
  if (auto right = detail::check_sample_type(*shards.source(), RecordCoder::layout()); !right) {
    return right.error();
  }
  const Deadline until = limit_of(deadline_s);
  const std::string named = key == nullptr ? detail::new_shard_key() : std::string(key);
  auto draft = shards.source()->create(named);
  if (!draft) {
    return draft.error();
  }
  const bool as_record = shards.source()->type().empty();
  std::vector<std::byte> memory;
  for (std::uint64_t number = 0;; ++number) {
    locum_array sample{};
    if (const Result<void> outcome = next(sample); !outcome) {
      if (outcome.error().code() == Errc::end_of_stream) {
        break;
      }
      return outcome.error();
    }
    if (auto added = add_sample(**draft, sample, as_record, memory); !added) {
      return Error(added.error().code(), "sample " + std::to_string(number) + ": " + added.error().text())
          .about(named);
    }
  }
  auto done = (*draft)->publish(until);
  return done ? Result<std::string>(named) : Result<std::string>(done.error().about(named));
}

locum_status give_key(Result<std::string>&& key, locum_names* given) {
  return !key || given == nullptr ? status_of(key) : give_text(std::move(key), *given);
}

}  // namespace

locum_status locum_shards_open(locum_files files, const char* folder, const locum_shards_options* options,
                               locum_shards* shards) {
  clear(shards);
  return with_files(files, [&](const Files& open) {
    return give_shards(options, shards, [&](const ShardLayout& layout) {
      return detail::shards_in_files(open, text_or_empty(folder), RecordCoder::layout(), layout);
    });
  });
}

locum_status locum_shards_open_url(const char* url, const locum_shards_options* options,
                                   locum_shards* shards) {
  clear(shards);
  return guarded([&] {
    return url == nullptr ? is_null("url") : give_shards(options, shards, [&](const ShardLayout& layout) {
      return detail::shards_at(url, RecordCoder::layout(), layout);
    });
  });
}

locum_status locum_shards_open_store(locum_store store, const locum_shards_options* options,
                                     locum_shards* shards) {
  clear(shards);
  return on_store(store, [&](const OpenedStore& open) {
    return give_shards(options, shards, [&](const ShardLayout& layout) {
      return detail::shards_in_store(open.store, RecordCoder::layout(), layout);
    });
  });
}

locum_status locum_shards_close(locum_shards* shards) {
  return release(shard_sets(), shards, "set of shards");
}

locum_status locum_shards_set(locum_shards shards, const char* key, size_t count, const locum_array* samples,
                              double deadline_s, locum_names* given) {
  clear(given);
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (count > 0 && samples == nullptr) {
      return is_null("samples");
    }
    std::size_t at = 0;
    const auto next = [&](locum_array& sample) -> Result<void> {
      if (at == count) {
        return Error(Errc::end_of_stream, "there are no more samples");
      }
      sample = samples[at++];
      return {};
    };
    return give_key(set_shard(open, key, next, deadline_s), given);
  });
}

locum_status locum_shards_set_each(locum_shards shards, const char* key,
                                   locum_status (*next)(locum_array* sample, void* context), void* context,
                                   double deadline_s, locum_names* given) {
  clear(given);
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (next == nullptr) {
      return is_null("next");
    }
    const auto called = [&](locum_array& sample) {
      return outcome_of_function([&] { return next(&sample, context); });
    };
    return give_key(set_shard(open, key, called, deadline_s), given);
  });
}

locum_status locum_shards_keys(locum_shards shards, const char* after, size_t most, double deadline_s,
                               locum_names* keys) {
  clear(keys);
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (keys == nullptr) {
      return is_null("keys");
    }
    return give_names(open.source()->keys(std::string(text_or_empty(after)), most, limit_of(deadline_s)),
                      *keys);
  });
}

locum_status locum_shards_index(locum_shards shards, double deadline_s, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (view == nullptr) {
      return is_null("view");
    }
    const auto index = open.index(within(deadline_s));
    if (!index) {
      return failed(index.error());
    }
    Record::List list;
    for (const ShardFacts& facts : *index) {
      list.push_back(
          Record::members({{"key", facts.key}, {"samples", facts.samples}, {"bytes", facts.bytes}}));
    }
    return give_record(Record::list(std::move(list)), *view);
  });
}

locum_status locum_shards_remove(locum_shards shards, const char* key, double deadline_s, bool* existed) {
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (key == nullptr) {
      return is_null("key");
    }
    const auto removed = open.remove(key, within(deadline_s));
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}

locum_status locum_shards_get(locum_shards shards, const char* key, double deadline_s, locum_shard* shard) {
  clear(shard);
  return on_shards(shards, [&](const ShardStore<Record>& open) {
    if (key == nullptr || shard == nullptr) {
      return is_null(key == nullptr ? "key" : "shard");
    }
    if (auto right = detail::check_sample_type(*open.source(), RecordCoder::layout()); !right) {
      return failed(right.error());
    }
    auto found = open.source()->open(key, limit_of(deadline_s));
    return found ? give(single_shards(), std::make_shared<OpenedShard>(key, std::move(*found)), shard)
                 : failed(found.error());
  });
}

locum_status locum_shard_count(locum_shard shard, uint64_t* count) {
  return on(single_shards(), shard, "shard", [&](const std::shared_ptr<OpenedShard>& open) {
    if (count == nullptr) {
      return is_null("count");
    }
    *count = open->open->count();
    return LOCUM_OK;
  });
}

locum_status locum_shard_sample(locum_shard shard, uint64_t number, double deadline_s, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on(single_shards(), shard, "shard", [&](const std::shared_ptr<OpenedShard>& open) {
    if (view == nullptr) {
      return is_null("view");
    }
    if (number >= open->open->count()) {
      return failed(Error(Errc::invalid_argument, "the shard has " + std::to_string(open->open->count()) +
                                                      " samples, numbered from 0, and none of the number " +
                                                      std::to_string(number))
                        .about(open->key));
    }
    const auto stored = open->open->sample(number, limit_of(deadline_s));
    if (!stored) {
      return failed(stored.error().about(open->key));
    }
    const auto value = RecordCoder::decode(StoredSample(*stored));
    return value ? give_sample(*stored, value, *view)
                 : failed(detail::about_sample(value.error(), number, open->key));
  });
}

locum_status locum_shard_release(locum_shard* shard) {
  return release(single_shards(), shard, "shard");
}
