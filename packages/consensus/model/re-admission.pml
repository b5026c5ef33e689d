/*
 * Re-admission of a server whose disk was lost (triad.md, Disks lost, I8). docs/model.md says what is left out.
 *
 * Servers 0 and 1 keep their disks. Server 2 loses its disk once, at any instant, and comes back empty under another incarnation; a leader may
 * then put the configuration in force that names it. Votes are messages: they may arrive late, also when the voter has forgotten them.
 *
 * The promises: one leader per term; and whoever leads has what was committed.
 *
 * Wrong variants, each of which must be refuted: -DNO_ROUND, -DROUND_BEFORE, -DAMNESIAC_VOTES.
 */

#ifndef TERMS
#define TERMS 3
#endif

#define PAIR(a, b) ((a) * 3 + (b))
#define NOBODY 3

byte term[3] = 1;
byte votedFor[3] = NOBODY;
bool stands[3];
bool leads[3];
/* At a candidate: bit n is set where server n's vote has arrived. */
byte votes[3];
/* A granted vote under way, by voter and candidate: its term; 0: none. And whether server 2 gave it under its second incarnation. */
byte vote[9];
bool isSecondLife[9];

/* The log: the term of its last entry, and whether it has the configuration that names the second incarnation of server 2. */
byte lastTerm[3] = 1;
bool hasConfig[3];
/* At a leader: it has committed its term's first entry; who has acknowledged all of its log. */
bool inControl[3];
byte acknowledged[3];
/* It has put that configuration in force itself, and not committed it yet. */
bool isReplacing[3];

/* Server 2 has lost its disk. */
bool isWiped;
/* At a leader: it heard the second incarnation in this term; the other server acknowledged a round begun after that. */
bool hasHeard[3];
bool isRoundSent[3];
bool isRoundDone[3];

/* Who was elected in each term, plus 1; server 2 counts as another one in its second life. */
byte elected[TERMS + 1];
/* The latest term whose first entry is committed; the term in which the configuration was. */
byte committedTerm = 1;
byte configTerm = TERMS + 1;

/* Whether a vote or word of server 2 counts at who has this log. */
#define countsNow(s) (hasConfig[s] == isWiped)
#define isUpToDate(s, o) (lastTerm[s] > lastTerm[o] || (lastTerm[s] == lastTerm[o] && hasConfig[s] >= hasConfig[o]))

inline resign(s) {
  stands[s] = false; leads[s] = false; inControl[s] = false; votes[s] = 0; acknowledged[s] = 0; isReplacing[s] = false;
  hasHeard[s] = false; isRoundSent[s] = false; isRoundDone[s] = false
}

inline follow(s, newTerm) {
  if
  :: newTerm > term[s] -> term[s] = newTerm; votedFor[s] = NOBODY; resign(s)
  :: else
  fi
}

inline campaign(s) {
  printf("server %d stands for term %d\n", s, term[s] + 1);
  follow(s, term[s] + 1);
  votedFor[s] = s;
  stands[s] = true;
  votes[s] = 1 << s
}

/* The candidate's request says which incarnation of the voter it asks; the answer is on disk before it leaves. */
inline grant(v, s) {
  printf("server %d is asked for a vote by server %d in term %d\n", v, s, term[s]);
  follow(v, term[s]);
  if
  :: votedFor[v] == NOBODY || votedFor[v] == s ->
       votedFor[v] = s; stands[v] = false;
       vote[PAIR(v, s)] = term[s];
       isSecondLife[PAIR(v, s)] = (v == 2 && isWiped)
  :: else
  fi
}

inline count(v, s) {
  printf("a vote of server %d for server %d in term %d arrives\n", v, s, vote[PAIR(v, s)]);
  if
#ifdef AMNESIAC_VOTES
  :: stands[s] && vote[PAIR(v, s)] == term[s] -> votes[s] = votes[s] | (1 << v)
#else
  :: stands[s] && vote[PAIR(v, s)] == term[s] && (v != 2 || isSecondLife[PAIR(v, s)] == hasConfig[s]) ->
       votes[s] = votes[s] | (1 << v)
#endif
  :: else
  fi;
  vote[PAIR(v, s)] = 0; isSecondLife[PAIR(v, s)] = false;
  if
  :: stands[s] && votes[s] != (1 << s) ->
       assert(elected[term[s]] == 0);
       assert(term[s] < committedTerm || lastTerm[s] >= committedTerm);
       assert(term[s] < configTerm || hasConfig[s]);
       elected[term[s]] = s + 1 + (s == 2 && isWiped);
       resign(s);
       leads[s] = true;
       lastTerm[s] = term[s];
       printf("server %d leads term %d\n", s, term[s])
  :: else
  fi
}

/*
 * Who put the configuration in force needs a quorum of the one before as well: with the first incarnation of server 2 gone, servers 0 and 1.
 * A later leader counts by the newest alone.
 */
#define isAgreed(s) (isReplacing[s] -> ((acknowledged[s] | (1 << s)) & 3) == 3 : acknowledged[s] != 0)

inline replicate(s, o) {
  printf("server %d has the log of server %d, which leads term %d\n", o, s, term[s]);
  follow(o, term[s]);
  stands[o] = false;
  lastTerm[o] = lastTerm[s];
  hasConfig[o] = hasConfig[s];
  if
  :: o != 2 || countsNow(s) -> acknowledged[s] = acknowledged[s] | (1 << o)
  :: else
  fi;
  if
  :: o == 2 && isWiped -> hasHeard[s] = true
  :: else
  fi;
  if
  :: isAgreed(s) ->
       inControl[s] = true;
       isReplacing[s] = false;
       if
       :: term[s] > committedTerm -> committedTerm = term[s]
       :: else
       fi;
       if
       :: hasConfig[s] && term[s] < configTerm -> configTerm = term[s]
       :: else
       fi
  :: else
  fi
}

inline wipe() {
  printf("server 2 loses its disk\n");
  isWiped = true;
  term[2] = 0; votedFor[2] = NOBODY; lastTerm[2] = 0; hasConfig[2] = false;
  resign(2)
}

inline admit(s) {
  printf("server %d appends the configuration that names the second life of server 2\n", s);
  hasConfig[s] = true;
#ifndef NEWCOMER_COUNTS
  isReplacing[s] = true;
#endif
  acknowledged[s] = 0;
  hasHeard[s] = false; isRoundSent[s] = false; isRoundDone[s] = false
}

#ifdef NO_ROUND
#define mayAdmit(s) (hasHeard[s])
#else
#define mayAdmit(s) (hasHeard[s] && isRoundDone[s])
#endif

#ifdef ROUND_BEFORE
#define mayAskRound(s) (leads[s])
#else
#define mayAskRound(s) (hasHeard[s])
#endif

#ifdef AMNESIAC_VOTES
#define isVoter(s) (true)
#define isAsked(v, s) (true)
#else
#define isVoter(s) (s != 2 || countsNow(s))
#define isAsked(v, s) (v != 2 || countsNow(s))
#endif

#define BETWEEN(s, o) \
  :: d_step { stands[s] && isAsked(o, s) && term[o] <= term[s] && isUpToDate(s, o) -> grant(o, s) } \
  :: d_step { vote[PAIR(o, s)] > 0 -> count(o, s) } \
  :: d_step { leads[s] && term[o] <= term[s] -> replicate(s, o) }

#define AT(s) \
  :: d_step { !leads[s] && term[s] < TERMS && isVoter(s) -> campaign(s) }

#define ADMIT(s, other) \
  :: d_step { mayAskRound(s) && !isRoundSent[s] && !hasConfig[s] -> isRoundSent[s] = true; printf("server %d begins a round in term %d\n", s, term[s]) } \
  :: d_step { isRoundSent[s] && !isRoundDone[s] && term[other] <= term[s] -> follow(other, term[s]); isRoundDone[s] = true; printf("server %d acknowledges the round of server %d\n", other, s) } \
  :: d_step { inControl[s] && !hasConfig[s] && mayAdmit(s) -> admit(s) }

active proctype world() {
  d_step { leads[0] = true; inControl[0] = true; elected[1] = 1; votedFor[0] = 0 }
  do
  BETWEEN(0, 1) BETWEEN(0, 2) BETWEEN(1, 0) BETWEEN(1, 2) BETWEEN(2, 0) BETWEEN(2, 1)
  AT(0) AT(1) AT(2)
  ADMIT(0, 1) ADMIT(1, 0)
  :: d_step { !isWiped -> wipe() }
#ifdef SOMETIMES
  /* Not a promise: that this is found shows that the rest is about something. The second life of server 2 leads, and committed. */
  :: d_step { leads[2] && isWiped && inControl[2] -> assert(false) }
#endif
  od
}
