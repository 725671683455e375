/* URI-01 to URI-17: mistakes in the connection string. */
#include "doctor/findings_parts.h"

#define LAYER  "connection string"
#define AT(id) [FINDING_##id - FINDING_URI_01]

const struct finding_row finding_rows_uri[] = {
    AT(URI_01) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "There is no connection string, or it does not begin with mongodb:// or mongodb+srv://.",
         "Nothing was looked up or dialled yet: it is not the network, not Atlas, not the "
         "password.",
         "Print the variable that should hold it, where the program runs: it is often unset there, "
         "or has another name.\n"
         "Take away quotes, blanks and line breaks around it.",
         PAGE_URI},
    AT(URI_02) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "The user name or password holds a character that means something else in a connection "
         "string, so the rest is misread.",
         "Network and cluster are not to blame.",
         "Percent-encode the password: mooring encode reads it and prints the text to put in.\n"
         "Or give upstream.username and upstream.passwordFile instead, where nothing is encoded.",
         PAGE_TROUBLE},
    AT(URI_03) =
        {STAGE_URI, SEVERITY_DEGRADED, LAYER,
         "The password looks percent-encoded twice: %25 stands before what was encoded already.",
         "The network is not to blame: the login is what fails.",
         "Encode the plain password once; mooring encode does it.\n"
         "Where a tool asks for the password alone, give it plain.",
         PAGE_TROUBLE},
    AT(URI_03B) =
        {STAGE_URI, SEVERITY_DEGRADED, LAYER,
         "A bare + stands in the user name or password, which some drivers read as a blank and "
         "others as a plus.",
         "That the login works in one language proves nothing for another.",
         "Write %2B for a plus and %20 for a blank: all drivers read these alike.", PAGE_TROUBLE},
    AT(URI_04) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "The connection string still holds a placeholder of its template, {name|like <password>}.",
         "Network and cluster are not to blame.",
         "Put the real value in its place, without the angle brackets.", PAGE_URI},
    AT(URI_05) = {STAGE_URI, SEVERITY_FATAL, LAYER,
                  "mongodb+srv:// takes one host name and no port; hosts and ports come from the "
                  "SRV record.",
                  "Nothing was looked up or dialled yet: it is not the network.",
                  "Leave the cluster's name alone behind the @, without a port.\n"
                  "Or keep the list of hosts and begin with mongodb://.",
                  PAGE_URI},
    AT(URI_06) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "{host|The host} is the name of a whole cluster and has no address; only mongodb+srv:// "
         "finds its machines.",
         "It is not the access list and not the password: no machine was found to ask.",
         "Begin with mongodb+srv://, without a port.\n"
         "Or list the machines: mooring resolve prints that string.",
         PAGE_URI},
    AT(URI_07) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "{host|The host} is the name of one machine, but mongodb+srv:// wants the cluster's name.",
         "The DNS server is right to find no SRV record there.",
         "Copy the string from Connect in Atlas.", PAGE_URI},
    AT(URI_08) =
        {STAGE_URI, SEVERITY_DEGRADED, LAYER,
         "The options are not set apart by /? behind the hosts, so that drivers lose or misread "
         "them.",
         NULL, "Write …host/?name=value&name=value, with slash and question mark.", PAGE_URI},
    AT(URI_09) =
        {STAGE_URI, SEVERITY_DEGRADED, LAYER,
         "The login is looked up in the database {database|of the path}, but users of Atlas are "
         "kept in admin.",
         "The password may well be right.",
         "Add authSource=admin.\n"
         "With X.509, AWS or LDAP it is authSource=$external.",
         PAGE_TROUBLE},
    AT(URI_10) =
        {STAGE_HELLO, SEVERITY_FATAL, LAYER,
         "The connection string asks for the replica set {set|of one name}, but the cluster's is "
         "called {actual|otherwise}.",
         "The machines were reached: it is not the network.",
         "Take replicaSet out: mongodb+srv:// learns the name by itself.", PAGE_URI},
    AT(URI_11) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "{option|tls=false} turns encryption off, and Atlas hangs up on whoever does not encrypt.",
         "It is neither the access list nor the password.", "Take the option out.", PAGE_URI},
    AT(URI_12) =
        {STAGE_URI, SEVERITY_DEGRADED, LAYER,
         "directConnection=true holds on to one machine, which refuses writes once another is "
         "primary.",
         NULL, "Take directConnection out and name the cluster.", PAGE_URI},
    AT(URI_13) =
        {STAGE_URI, SEVERITY_INFO, LAYER,
         "{host|The host} is a name from before March 2020, which is lost when the cluster moves.",
         NULL, "Copy the current string from Connect in Atlas: a dot stands where the hyphen is.",
         PAGE_CHANGES},
    AT(URI_14) =
        {STAGE_URI, SEVERITY_FATAL, LAYER,
         "The host is an address, {address|a number}: without a name no certificate fits, and a "
         "shared cluster is not told from its neighbours.",
         NULL, "Use the names that Atlas gives.", PAGE_URI},
    AT(URI_15) =
        {STAGE_TXT, SEVERITY_FATAL, "driver",
         "This driver is too old for the cluster's TXT record, where it meets {name|loadBalanced}.",
         "The record is right, and so is the DNS server.",
         "Upgrade the driver.\n"
         "Or let Mooring stand in front: the application then reads no such record.",
         PAGE_TROUBLE},
    AT(URI_16) =
        {STAGE_URI, SEVERITY_FATAL, "driver",
         "PyMongo lacks the Python package dnspython, without which it cannot read mongodb+srv://.",
         "Nothing was looked up yet: it is not the network.",
         "pip install \"pymongo[srv]\"\n"
         "Or point the application at Mooring, where plain mongodb:// is enough.",
         PAGE_URI},
    AT(URI_17) =
        {STAGE_SRV, SEVERITY_FATAL, LAYER,
         "DNS names {name|a server} for this cluster, which is outside the cluster's own domain.",
         "Do not look for a switch that lets it pass: a password would go to a stranger.",
         "Do not connect.\n"
         "Ask another DNS server and compare.\n"
         "Look for a private zone or an alias that rewrites the answer.",
         PAGE_TROUBLE},
};
