//! The people, and what each of them has done.

/// How many days ago the first of them came.
pub(super) const DAYS: i64 = 30;

/// The password of everybody who has one.
pub(super) const PASSWORD: &str = "seeded people share one password";

/// What somebody uses, and from where: networks for documentation, which nobody has.
pub(super) struct Device {
    pub(super) agent: &'static str,
    pub(super) address: &'static str,
}

/// Somebody.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) steps: &'static [Step],
}

/// What somebody did, when, and with what.
pub(super) struct Step {
    pub(super) days_ago: f64,
    pub(super) device: &'static Device,
    pub(super) deed: Deed,
}

/// What somebody did. Whatever needs a session is done in the one that this device has.
pub(super) enum Deed {
    Register,
    SignIn,
    MistypePassword,
    SignOut,
    SignOutElsewhere,
    Describe {
        bio: &'static str,
        website: &'static str,
        theme: &'static str,
    },
    KeepPrivately,      // wing:private-data
    SignInWithProvider, // wing:dev-provider
    Connect,            // wing:dev-provider
    BecomeAdmin,        // wing:admin
    BeDisabled,         // wing:admin
}

const fn step(days_ago: f64, device: &'static Device, deed: Deed) -> Step {
    Step {
        days_ago,
        device,
        deed,
    }
}

static MAC: Device = Device {
    agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    address: "198.51.100.7",
};

static WINDOWS: Device = Device {
    agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    address: "198.51.100.24",
};

static EDGE: Device = Device {
    agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    address: "198.51.100.102",
};

static LINUX: Device = Device {
    agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    address: "203.0.113.9",
};

static IPHONE: Device = Device {
    agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    address: "203.0.113.77",
};

static ANDROID: Device = Device {
    agent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    address: "2001:db8:17::4",
};

static TABLET: Device = Device {
    agent: "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1",
    address: "203.0.113.140",
};

static LIBRARY: Device = Device {
    agent: "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    address: "192.0.2.50",
};

/// In the order in which they came.
pub(super) static PEOPLE: &[Person] = &[
    Person {
        name: "Ada Lovelace",
        email: "ada@example.com",
        steps: &[
            step(30.0, &MAC, Deed::Register),
            step(29.9, &MAC, Deed::BecomeAdmin), // wing:admin
            step(
                29.8,
                &MAC,
                Deed::Describe {
                    bio: "Writes programs for machines that are not built yet.",
                    website: "https://example.com/ada",
                    theme: "light",
                },
            ),
            step(29.999, &MAC, Deed::Connect), // wing:dev-provider
            step(9.0, &IPHONE, Deed::SignIn),
            step(4.0, &LIBRARY, Deed::SignIn),
            step(3.9, &LIBRARY, Deed::SignOut),
            step(2.0, &MAC, Deed::SignIn),
            step(0.1, &TABLET, Deed::SignIn),
        ],
    },
    Person {
        name: "Alan Turing",
        email: "alan@example.com",
        steps: &[
            step(27.0, &WINDOWS, Deed::Register),
            step(
                27.0,
                &WINDOWS,
                Deed::Describe {
                    bio: "Asks whether machines can think.",
                    website: "",
                    theme: "dark",
                },
            ),
            step(6.02, &LINUX, Deed::MistypePassword),
            step(6.01, &LINUX, Deed::MistypePassword),
            step(6.0, &LINUX, Deed::SignIn),
            step(1.0, &WINDOWS, Deed::SignIn),
        ],
    },
    // wing:dev-provider
    Person {
        name: "Grace Hopper",
        email: "grace@example.com",
        steps: &[
            step(25.0, &EDGE, Deed::SignInWithProvider),
            step(5.0, &ANDROID, Deed::SignInWithProvider),
            step(0.4, &EDGE, Deed::SignInWithProvider),
        ],
    },
    // end wing:dev-provider
    Person {
        name: "Emmy Noether",
        email: "emmy@example.com",
        steps: &[
            step(24.0, &LINUX, Deed::Register),
            step(23.999, &LINUX, Deed::Connect), // wing:dev-provider
            step(
                23.0,
                &LINUX,
                Deed::Describe {
                    bio: "Finds the symmetry in it.",
                    website: "https://example.com/noether",
                    theme: "",
                },
            ),
            step(3.0, &TABLET, Deed::SignIn),
        ],
    },
    Person {
        name: "Katherine Johnson",
        email: "katherine@example.com",
        steps: &[
            step(22.0, &MAC, Deed::Register),
            step(21.0, &MAC, Deed::BecomeAdmin), // wing:admin
            step(7.0, &MAC, Deed::SignIn),
            step(0.02, &IPHONE, Deed::SignIn),
        ],
    },
    Person {
        name: "Mallory",
        email: "mallory@example.com",
        steps: &[
            step(20.0, &LIBRARY, Deed::Register),
            step(19.0, &ANDROID, Deed::SignIn),
            step(18.0, &LIBRARY, Deed::BeDisabled), // wing:admin
        ],
    },
    Person {
        name: "Hedy Lamarr",
        email: "hedy@example.com",
        steps: &[
            step(17.0, &IPHONE, Deed::Register),
            step(17.0, &IPHONE, Deed::KeepPrivately), // wing:private-data
            step(2.0, &MAC, Deed::SignIn),
        ],
    },
    Person {
        name: "Claude Shannon",
        email: "claude@example.com",
        steps: &[
            step(15.0, &WINDOWS, Deed::Register),
            step(12.0, &TABLET, Deed::SignIn),
            step(8.0, &ANDROID, Deed::SignIn),
            step(7.9, &ANDROID, Deed::SignOutElsewhere),
        ],
    },
    Person {
        name: "Barbara Liskov",
        email: "barbara@example.com",
        steps: &[
            step(13.0, &MAC, Deed::Register),
            step(
                12.9,
                &MAC,
                Deed::Describe {
                    bio: "What holds for the one must hold for the other.",
                    website: "https://example.com/liskov",
                    theme: "dark",
                },
            ),
            step(1.5, &MAC, Deed::SignIn),
        ],
    },
    Person {
        name: "Edsger Dijkstra",
        email: "edsger@example.com",
        steps: &[step(10.0, &LIBRARY, Deed::Register)],
    },
    Person {
        name: "Radia Perlman",
        email: "radia@example.com",
        steps: &[
            step(4.0, &EDGE, Deed::Register),
            step(
                3.5,
                &EDGE,
                Deed::Describe {
                    bio: "I think that I shall never see a graph more lovely than a tree.",
                    website: "",
                    theme: "",
                },
            ),
        ],
    },
    Person {
        name: "Tim",
        email: "tim@example.com",
        steps: &[step(0.3, &ANDROID, Deed::Register)],
    },
];
