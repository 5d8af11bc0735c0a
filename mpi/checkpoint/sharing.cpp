#include "mpi/checkpoint/sharing.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/hash.hpp"
#include "core/detail/restored_handles.hpp"
#include "core/node/promised.hpp"
#include "core/node/reference.hpp"
#include "mpi/error.hpp"
#include "mpi/letters.hpp"

namespace locum {

namespace {

using mpi::error_of;
using mpi::Letter;
using mpi::Letters;
using mpi::throw_if;

// What an object costs beside its bytes, for the balance.
constexpr std::uint64_t bytes_an_object = 512;
// Of one object, whatever a damaged row says: sums do not run over.
constexpr std::uint64_t most_cost = std::uint64_t{1} << 40U;

class ObjectSharing {
 public:
  ObjectSharing(const CheckpointJob& job, const CheckpointReading& checkpoint, const RestoreOptions& options,
                LeftOut& left_out)
      : job_(job),
        checkpoint_(checkpoint),
        contents_(checkpoint.contents()),
        options_(options),
        left_out_(left_out),
        // With its id: one that takes its place meanwhile is another step, which agreements tell.
        step_("sharing the objects of the checkpoint '" + job.path + "' (" +
              std::to_string(contents_.facts.id) + ") among the ranks"),
        ranks_(static_cast<std::size_t>(job.group.size())),
        rank_(static_cast<std::size_t>(job.group.rank())) {}

  [[nodiscard]] RestoreShare share() {
    all_do([&] {
      read_parts();
      drop_older_generations();
    });
    if (!contents_.parts.empty() &&
        reader_of(contents_.parts.size() - 1) > 0) {  // more than one rank has read
      drop_older_than_elsewhere();
    }
    share_rows();
    if (total_.handles > 0) {
      find_handles();
    }
    return std::move(share_);
  }

 private:
  struct Part {
    std::size_t number = 0;
    std::unique_ptr<PartReading> reader;
  };
  /// An object of a part that this rank has read.
  struct Place {
    std::size_t part = 0;  ///< of parts_
    std::size_t object = 0;
  };
  /// Of a part that this rank has read: what it also restores.
  struct OwnObjects {
    std::size_t part = 0;  ///< of parts_
    std::vector<std::size_t> objects;
  };
  /// What comes before packed rows in a letter.
  struct PackedPart {
    std::uint64_t number = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };
  /// What ranks have read.
  struct Totals {
    std::uint64_t cost = 0;
    std::uint64_t handles = 0;
  };

  template <class Work>
  void all_do(Work work) {
    throw_if(job_.group.agree(error_of(work), step_, job_.until));
  }
  [[nodiscard]] std::vector<std::vector<std::byte>> exchange(Letters letters) {
    return job_.group.exchange(letters.take(), step_, job_.until);
  }

  // Ascending, so that what the ranks have read, one rank after the other, is in the order of the files.
  // Where the job has the shape of the one that wrote them, with as many ranks on each node, it is the first
  // rank of the file's node.
  [[nodiscard]] std::size_t reader_of(std::size_t part) const {
    return part * ranks_ / contents_.parts.size();
  }

  void read_parts() {
    for (std::size_t part = 0; part < contents_.parts.size(); ++part) {
      if (reader_of(part) == rank_) {
        read_part(part);
      }
    }
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      note_rows(part);
    }
  }

  void read_part(std::size_t number) {
    try {
      parts_.push_back({number, checkpoint_.open(number, !options_.skip_damaged)});
    } catch (const Error& error) {
      if (!options_.skip_damaged) {
        throw;
      }
      left_out_.add(error.what(), contents_.parts[number].objects);
    }
  }

  void note_rows(std::size_t part) {
    const PartReading& reader = *parts_[part].reader;
    if (options_.keep_handles) {
      note_handles(reader);
    }
    for (std::size_t object = 0; object < reader.size(); ++object) {
      const bool is_whole = reader.is_whole(object);
      const ObjectFacts facts = is_whole ? reader.facts(object) : ObjectFacts();
      if (!is_whole || is_of_the_library(facts)) {
        if (!options_.skip_damaged) {
          throw Error(Errc::corrupt, "the table of the checkpoint's file '" + reader.path() +
                                         "' is damaged; skip_damaged restores the other objects");
        }
        left_out_.add("a row of the table of '" + reader.path() + "' is damaged", 1);
      } else if (facts.name.starts_with(options_.prefix)) {
        places_.push_back({part, object});
      }
    }
  }

  void note_handles(const PartReading& reader) {
    try {
      const auto handles = reader.handles();
      handles_.insert(handles_.end(), handles.begin(), handles.end());
    } catch (const Error& error) {
      if (!options_.skip_damaged) {
        throw;
      }
      left_out_.add(error.what(), 0);
    }
  }

  // What checkpoint() never writes: objects by which the library keeps its own records.
  [[nodiscard]] static bool is_of_the_library(const ObjectFacts& facts) {
    return is_reserved(facts.name) || is_promise_record(facts.type_hash) ||
           facts.type_hash == reference_type_hash;
  }

  [[nodiscard]] ObjectFacts facts_of(const Place& place) const {
    return parts_[place.part].reader->facts(place.object);
  }

  // A name that was replaced while the checkpoint was written may be there twice: in one part, or, if it was
  // replaced on another node, in two.
  void drop_older_generations() {
    std::unordered_map<std::string_view, std::uint64_t> latest;
    latest.reserve(places_.size());
    for (const Place& place : places_) {
      const ObjectFacts facts = facts_of(place);
      if (!facts.name.empty()) {
        auto& generation = latest[facts.name];
        generation = std::max(generation, facts.generation);
      }
    }
    std::erase_if(places_, [&](const Place& place) {
      const ObjectFacts facts = facts_of(place);
      return !facts.name.empty() && latest[facts.name] != facts.generation;
    });
  }

  // For each name one rank, whoever has read it, knows the generations in all parts.
  void drop_older_than_elsewhere() {
    std::vector<std::size_t> home;
    Letters named(ranks_);
    all_do([&] {
      home.resize(places_.size());
      for (std::size_t at = 0; at < places_.size(); ++at) {
        const ObjectFacts facts = facts_of(places_[at]);
        home[at] = hash64(facts.name) % ranks_;
        if (!facts.name.empty()) {
          named.add(home[at], facts.generation);
          named.add(home[at], std::uint64_t{facts.name.size()});
          named.add_bytes(home[at], std::as_bytes(std::span(facts.name)));
        }
      }
    });
    auto received = exchange(std::move(named));
    Letters verdicts(ranks_);
    all_do([&] { judge(received, verdicts); });
    received = exchange(std::move(verdicts));
    all_do([&] {
      std::vector<Letter> letters(received.begin(), received.end());
      std::vector<Place> latest;
      for (std::size_t at = 0; at < places_.size(); ++at) {
        const bool is_named = !facts_of(places_[at]).name.empty();
        if (!is_named || letters[home[at]].value<std::uint8_t>() != 0) {
          latest.push_back(places_[at]);
        }
      }
      places_ = std::move(latest);
    });
  }

  // For each name of each rank, in its order: whether this is the latest generation of the name.
  static void judge(const std::vector<std::vector<std::byte>>& received, Letters& verdicts) {
    struct Named {
      std::size_t rank = 0;
      std::string_view name;
      std::uint64_t generation = 0;
    };
    std::vector<Named> all;
    std::unordered_map<std::string_view, std::uint64_t> latest;
    for (std::size_t rank = 0; rank < received.size(); ++rank) {
      for (Letter letter(received[rank]); letter.has_more();) {
        const auto generation = letter.value<std::uint64_t>();
        const auto name = letter.bytes(letter.value<std::uint64_t>());
        all.push_back({rank, {reinterpret_cast<const char*>(name.data()), name.size()}, generation});
        auto& last = latest[all.back().name];
        last = std::max(last, generation);
      }
    }
    for (const Named& named : all) {
      verdicts.add(named.rank, std::uint8_t{latest[named.name] == named.generation});
    }
  }

  // What the balance counts.
  [[nodiscard]] std::uint64_t cost_of(const Place& place) const {
    return bytes_an_object + (options_.lazy ? 0 : std::min(facts_of(place).size_bytes, most_cost));
  }

  // Adds up what all ranks have read. Returns the cost of what the ranks before this one have.
  [[nodiscard]] std::uint64_t add_up() {
    Totals mine;
    for (const Place& place : places_) {
      mine.cost += cost_of(place);
    }
    mine.handles = handles_.size();
    const auto bytes = job_.group.all_gather(std::as_bytes(std::span(&mine, 1)));
    std::uint64_t before = 0;
    std::vector<Totals> all(ranks_);
    std::memcpy(all.data(), bytes.data(), bytes.size());
    for (std::size_t rank = 0; rank < ranks_; ++rank) {
      before += rank < rank_ ? all[rank].cost : 0;
      total_.cost += all[rank].cost;
      total_.handles += all[rank].handles;
    }
    return before;
  }

  [[nodiscard]] std::size_t taker_of(std::uint64_t before) const {
    return std::min<std::uint64_t>(before / (total_.cost / ranks_ + 1), ranks_ - 1);
  }

  void share_rows() {
    std::uint64_t before = add_up();
    Letters letters(ranks_);
    std::vector<OwnObjects> own;
    all_do([&] {
      for (auto from = places_.cbegin(); from != places_.cend();) {
        const std::size_t taker = taker_of(before);
        std::vector<std::size_t> objects;
        auto to = from;
        for (; to != places_.cend() && to->part == from->part && taker_of(before) == taker; ++to) {
          objects.push_back(to->object);
          before += cost_of(*to);
        }
        if (taker == rank_) {
          own.push_back({from->part, std::move(objects)});
        } else {
          const Part& part = parts_[from->part];
          const std::vector<std::byte> packed = part.reader->packed(objects);
          letters.add(taker, PackedPart{part.number, objects.size(), packed.size()});
          letters.add_bytes(taker, packed);
        }
        from = to;
      }
    });
    const auto received = exchange(std::move(letters));
    all_do([&] { take_rows(received, own); });
  }

  void take_rows(const std::vector<std::vector<std::byte>>& received, std::vector<OwnObjects>& own) {
    for (std::size_t rank = 0; rank < ranks_; ++rank) {
      if (rank == rank_) {
        for (OwnObjects& each : own) {
          share_.parts.push_back({std::move(parts_[each.part].reader), std::move(each.objects)});
        }
      }
      for (Letter letter(received[rank]); letter.has_more();) {
        const auto part = letter.value<PackedPart>();
        take(part, letter.bytes(part.bytes));
      }
    }
    places_.clear();
    parts_.clear();
  }

  void take(const PackedPart& part, std::span<const std::byte> packed) {
    if (part.number >= contents_.parts.size()) {
      throw Error(Errc::corrupt, "a rank has sent objects of a file that the checkpoint does not have");
    }
    try {
      auto reader = checkpoint_.open_packed(part.number, packed);
      std::vector<std::size_t> objects(reader->size());
      std::iota(objects.begin(), objects.end(), 0);
      share_.parts.push_back({std::move(reader), std::move(objects)});
    } catch (const Error& error) {  // the file is there on the rank that has read the table
      if (!options_.skip_damaged) {
        throw;
      }
      left_out_.add(error.what(), part.rows);
    }
  }

  // A handle may be in any part, and its object with any rank: one rank, whoever they are, knows both.
  void find_handles() {
    const auto home_of = [&](std::uint64_t identity) { return identity % ranks_; };
    Letters letters(ranks_);
    all_do([&] {
      std::vector<std::uint64_t> counts(ranks_);
      for (const HandleRow& handle : handles_) {
        ++counts[home_of(handle.object)];
      }
      for (std::size_t rank = 0; rank < ranks_; ++rank) {
        letters.add(rank, counts[rank]);
      }
      for (const HandleRow& handle : handles_) {
        letters.add(home_of(handle.object), handle);
      }
      for (const RestoreShare::Part& part : share_.parts) {
        for (const std::size_t object : part.objects) {
          const std::uint64_t identity = identity_of(contents_, part.reader->facts(object).key);
          letters.add(home_of(identity), identity);
        }
      }
    });
    auto received = exchange(std::move(letters));
    Letters found(ranks_);
    all_do([&] { match(received, found); });
    received = exchange(std::move(found));
    all_do([&] {
      for (const auto& bytes : received) {
        for (Letter letter(bytes); letter.has_more();) {
          const auto handle = letter.value<HandleRow>();
          share_.handles[handle.object].push_back(handle.identity);
        }
      }
    });
  }

  // For each rank the handles of its objects. Keys are of one object each, whatever the files say.
  static void match(const std::vector<std::vector<std::byte>>& received, Letters& found) {
    std::unordered_map<std::uint64_t, std::vector<HandleRow>> handles;
    std::vector<Letter> letters(received.begin(), received.end());
    for (Letter& letter : letters) {
      for (auto left = letter.value<std::uint64_t>(); left > 0; --left) {
        const auto handle = letter.value<HandleRow>();
        handles[handle.object].push_back(handle);
      }
    }
    for (std::size_t rank = 0; rank < letters.size(); ++rank) {
      while (letters[rank].has_more()) {
        if (const auto of_one = handles.extract(letters[rank].value<std::uint64_t>())) {
          found.add_bytes(rank, std::as_bytes(std::span(of_one.mapped())));
        }
      }
    }
  }

  const CheckpointJob& job_;
  const CheckpointReading& checkpoint_;
  const CheckpointContents& contents_;
  const RestoreOptions& options_;
  LeftOut& left_out_;
  const std::string step_;
  const std::size_t ranks_;
  const std::size_t rank_;
  std::vector<Part> parts_;    ///< that this rank has read
  std::vector<Place> places_;  ///< their objects, in the order of the files
  std::vector<HandleRow> handles_;
  Totals total_;
  RestoreShare share_;
};

}  // namespace

void LeftOut::add(std::string text, std::uint64_t left_out) {
  objects += left_out;
  if (texts.size() < most_listed) {
    std::ranges::replace(text, '\n', ' ');
    texts.push_back(std::move(text));
  }
}

RestoreShare share_objects(const CheckpointJob& job, const CheckpointReading& checkpoint,
                           const RestoreOptions& options, LeftOut& left_out) {
  return ObjectSharing(job, checkpoint, options, left_out).share();
}

std::uint64_t identity_of(const CheckpointContents& contents, const Key& former) noexcept {
  return detail::former_identity(contents.origins.front().incarnation, former);
}

}  // namespace locum
